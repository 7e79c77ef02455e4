"""The platform's keys on Kubernetes."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from primehub_services import cluster_keys
from primehub_services.store.crypto import Keyring


def decoded(data: dict[str, str]) -> dict[str, str]:
    """What the files hold that a Secret is mounted as."""
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def test_a_new_secret_holds_every_key_and_no_two_are_alike() -> None:
    made = decoded(cluster_keys.missing({}))
    assert made.keys() == cluster_keys.KEYS.keys()
    assert len(set(made.values())) == len(made)
    assert all(len(value) >= 64 for value in made.values())


def test_what_is_there_is_never_made_again() -> None:
    first = cluster_keys.missing({})
    assert cluster_keys.missing(first) == {}
    older = {name: value for name, value in first.items() if name != "metrics.token"}
    assert cluster_keys.missing(older).keys() == {"metrics.token"}


def test_the_encryption_key_is_one_that_the_store_takes(tmp_path: Path) -> None:
    file = tmp_path / "encryption.key"
    file.write_text(decoded(cluster_keys.missing({}))["encryption.key"])
    file.chmod(0o440)  # as a mounted Secret is
    keyring = Keyring.load_or_create(file)
    key, sealed = keyring.encrypt("a value", row_id="1")
    assert keyring.decrypt(key, sealed, row_id="1") == "a value"


def test_a_secret_for_somebody_elses_keeping_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster_keys.main(["sealed", "--print"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert (printed["kind"], printed["metadata"]["name"]) == ("Secret", "sealed")
    assert decoded(printed["data"]).keys() == cluster_keys.KEYS.keys()


def test_outside_a_cluster_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert cluster_keys.main(["keys"]) == 1
    assert "runs in a pod" in capsys.readouterr().err
