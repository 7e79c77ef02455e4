"""What pip says, in words for people; and what pip is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from primehub_services.domain.images import EnvironmentSource
from primehub_services.sandbox.build_output import BuildView, explain, read_output
from primehub_services.sandbox.environments import progress_of
from primehub_services.sandbox.pip_settings import local_sources, loopback_ports, pip_environment

COLLECTING = """\
primehub: making the environment
primehub: installing packages
Collecting jupyterlab<5,>=4.6
  Downloading jupyterlab-4.6.1-py3-none-any.whl (12.4 MB)
Collecting pandas
"""


def viewed(text: str) -> BuildView:
    return read_output(BuildView(), text)


def test_progress_never_goes_back_and_names_what_is_done() -> None:
    steps = [
        COLLECTING,
        "Building wheels for collected packages: old\n  Building wheel for old (setup.py): started\n",
        "Installing collected packages: a, b, c, d\n",
        "primehub: checking\n",
    ]
    view, seen = BuildView(), [progress_of(BuildView())]
    for step in steps:
        view = read_output(view, step)
        seen.append(progress_of(view, installed=2))
    percents = [percent for percent, _ in seen]
    assert percents == sorted(percents)
    assert all(0 <= percent < 100 for percent in percents)
    assert [sentence for _, sentence in seen] == [
        "Building the environment",
        "Collecting pandas (2 packages so far)",
        "Building old (2 packages so far)",
        "Installing packages (2 of 4)",
        "Checking that JupyterLab starts",
    ]


def test_output_cut_anywhere_is_read_the_same() -> None:
    text = COLLECTING + "Installing collected packages: a, b\nprimehub: complete\n"
    for cut in range(len(text)):
        assert read_output(viewed(text[:cut]), text[cut:]) == viewed(text)


@pytest.mark.parametrize(
    ("output", "code", "says"),
    [
        ("ERROR: No matching distribution found for panda-s\n", "no-such-package", "panda-s"),
        (
            "ERROR: Could not find a version that satisfies the requirement x (from versions: none)\n"
            "ERROR: No matching distribution found for x\n",
            "no-such-package",
            "does not answer",
        ),
        ("ERROR: No matching distribution found for numpy==0.0.1 (from x)\n", "no-such-package", "numpy==0.0.1"),
        (
            "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<x>: Failed to establish a new "
            "connection: [Errno -3] Temporary failure in name resolution')': /simple/numpy/\n"
            "ERROR: No matching distribution found for numpy\n",
            "no-network",
            "for numpy",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "disk-full",
            "room",
        ),
        (
            "ERROR: Cannot install a==1 and b because these package versions have conflicting dependencies.\n"
            "ERROR: ResolutionImpossible: for help visit x\n",
            "conflict",
            "a==1 and b",
        ),
        ("  ERROR: Failed building wheel for gdal\nERROR: Could not build wheels for gdal\n", "cannot-build", "gdal"),
        ("primehub: checking\nModuleNotFoundError: No module named 'jupyterlab'\n", "not-usable", "jupyterlab"),
        ("something else\n", "failed", "something else"),
        ("", "failed", "said nothing"),
    ],
)
def test_a_failure_is_explained_naming_the_package(output: str, code: str, says: str) -> None:
    found, sentence = explain(viewed(output), "Error")
    assert found == code
    assert says in sentence


@pytest.mark.parametrize(("reason", "says"), [("OOMKilled", "memory"), ("Lost", "cut off"), ("Stopped", "stopped")])
def test_an_end_from_outside_is_explained(reason: str, says: str) -> None:
    assert says in explain(viewed(COLLECTING), reason)[1]


def test_pips_files_and_variables_are_passed_on_and_its_folders_are_not(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex-url = https://index.example/simple\nfind-links =\n  /wheels\n  /more\n[install]\nuser = true\n"
    )
    environ = {
        "PIP_CERT": "/etc/ca.pem",
        "PIP_TARGET": "/x",
        "HTTPS_PROXY": "http://p:3128",
        "SECRET": "s",
        "HOME": "/h",
    }
    assert pip_environment(environ, (file, tmp_path / "missing")) == {
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_FIND_LINKS": "/wheels /more",
        "PIP_CERT": "/etc/ca.pem",
        "HTTPS_PROXY": "http://p:3128",
    }


def test_a_variable_wins_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://file\n")
    assert pip_environment({"PIP_INDEX_URL": "https://variable"}, (file,)) == {"PIP_INDEX_URL": "https://variable"}


def test_an_index_on_the_own_loopback_is_forwarded() -> None:
    settings = {
        "PIP_INDEX_URL": "http://localhost:3141/root/pypi",
        "PIP_EXTRA_INDEX_URL": "https://elsewhere.example:8443 http://127.0.0.1/simple",
        "HTTPS_PROXY": "http://user:pw@127.0.0.1:3128",
        "PIP_TIMEOUT": "60",
    }
    assert loopback_ports(settings) == (80, 3128, 3141)


def test_folders_of_wheels_and_certificates_are_shown_to_the_build(tmp_path: Path) -> None:
    settings = {"PIP_FIND_LINKS": f"{tmp_path} /no/such https://x", "PIP_CERT": "/etc/ssl/certs/ca.crt"}
    assert local_sources(settings) == (str(tmp_path),)


@pytest.mark.parametrize("package", ["--index-url=http://evil", "-r/etc/passwd", "a b", "a;import os", "@/x", ""])
def test_a_package_is_never_an_option_of_pip(package: str) -> None:
    with pytest.raises(ValidationError):
        EnvironmentSource(packages=(package,))
