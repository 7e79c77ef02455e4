"""What a notebook's process runs first, in an environment that is not ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from primehub_services.sandbox.extension import VARIABLE
from primehub_spawner.server import NOTEBOOK_MAIN

PACKAGE = "jupyter_primehub_ext"
ROOTS = ["--ServerApp.allow_root=True"] if os.geteuid() == 0 else []
"""What root has to say; these tests are run by root or by somebody."""
SLOW = "print('slow is loaded')\nTERMS = ['iri']\ndef is_valid_syntax(term, value):\n    return value == 'good'\n"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Packages as they are beside a notebook."""
    for package in ("jupyterhub", "rfc3987_syntax"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(SLOW if package == "rfc3987_syntax" else "")
    return tmp_path


def run(environment: Path, singleuser: str, *arguments: str, **variables: str) -> str:
    (environment / "jupyterhub" / "singleuser.py").write_text(singleuser)
    done = subprocess.run(
        [sys.executable, "-S", "-c", NOTEBOOK_MAIN, *arguments],
        cwd=environment,
        env={"PYTHONPATH": str(environment), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


def test_it_runs_the_servers_module_with_its_arguments(environment: Path) -> None:
    said = run(environment, "import sys; print(__name__, sys.argv[1:])", "--port=1", "--x")
    assert said == f"__main__ {[*ROOTS, '--port=1', '--x']}\n"


def test_the_slow_import_is_put_off_until_it_is_used(environment: Path) -> None:
    said = run(
        environment,
        "from rfc3987_syntax import is_valid_syntax as check\nprint('ready')\n"
        "print(check('iri', 'good'), check(term='iri', value='bad'))\n",
    )
    assert said == "ready\nslow is loaded\nTrue False\n"


def test_whatever_else_it_has_is_there_too(environment: Path) -> None:
    said = run(environment, "import rfc3987_syntax\nprint('ready')\nprint(rfc3987_syntax.TERMS)\n")
    assert said == "ready\nslow is loaded\n['iri']\n"


def test_where_it_is_not_installed_nothing_pretends_that_it_is(environment: Path) -> None:
    (environment / "rfc3987_syntax" / "__init__.py").unlink()
    (environment / "rfc3987_syntax").rmdir()
    said = run(environment, "try:\n    import rfc3987_syntax\nexcept ImportError:\n    print('absent')\n")
    assert said == "absent\n"


def test_the_server_is_offered_what_primehub_adds(environment: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    (folder / PACKAGE).mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("print('imported')")
    said = run(
        environment,
        f"import sys; print(sys.argv[1:]); import {PACKAGE}; print(sys.path[-1])",
        "--port=1",
        **{VARIABLE: str(folder)},
    )
    flags = [
        f"--ServerApp.jpserver_extensions={PACKAGE}=True",
        f"--LabApp.extra_labextensions_path={folder}/{PACKAGE}/labextensions",
    ]
    assert said == f"{[*ROOTS, *flags, '--port=1']}\nimported\n{folder}\n"


@pytest.mark.parametrize("folder", ["", "/nonexistent"])
def test_without_what_primehub_adds_it_starts_all_the_same(environment: Path, folder: str) -> None:
    assert run(environment, "import sys; print(sys.argv[1:])", **{VARIABLE: folder}) == f"{ROOTS}\n"


@pytest.mark.parametrize(
    ("version", "told", "listens"),
    [
        ("(5, 2, 1, '', '')", "http://:8888/user/ann/", "http://0.0.0.0:8888/user/ann/"),
        ("(5, 3, 0, '', '')", "http://:8888/user/ann/", "http://:8888/user/ann/"),
        ("(5, 2, 1, '', '')", "http://127.0.0.1:8888/user/ann/", "http://127.0.0.1:8888/user/ann/"),
    ],
    ids=["an older one knows it not", "it is known", "a host is named"],
)
def test_a_url_without_a_host_is_no_loopback_to_an_older_jupyterhub(
    environment: Path, version: str, told: str, listens: str
) -> None:
    (environment / "jupyterhub" / "__init__.py").write_text(f"version_info = {version}\n")
    said = run(environment, "import os; print(os.environ['JUPYTERHUB_SERVICE_URL'])", JUPYTERHUB_SERVICE_URL=told)
    assert said == f"{listens}\n"
