"""What a start cannot work with is refused before anything runs, in words that say what to do."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

import pytest

from hub_config.settings import Settings, SettingsError
from primehub_services.cli.machine import addresses, folders, node, ports, proxy
from primehub_services.cli.machine.errors import StartError


def check_tls(place: folders.Folders, cert: Path, key: Path) -> None:
    addresses.resolve(
        place,
        host="127.0.0.1",
        port=8000,
        public_url="",
        cert=cert,
        key=key,
        self_signed=False,
        behind_proxy=False,
        insecure_http=False,
    )


def test_a_certificate_that_no_server_can_use_is_refused_with_the_reason(tmp_path: Path) -> None:
    first, second = (folders.prepare(tmp_path / name, needed_free=0) for name in ("one", "two"))
    cert, key = addresses.certificate(first, "127.0.0.1")
    other, _ = addresses.certificate(second, "127.0.0.1")
    check_tls(first, cert, key)
    with pytest.raises(StartError, match="mismatch"):
        check_tls(first, other, key)
    text = tmp_path / "no.pem"
    text.write_text("nothing")
    with pytest.raises(StartError, match=r"no\.pem") as caught:
        check_tls(first, text, key)
    assert "PEM" in caught.value.fix


def test_a_file_where_the_data_folder_should_be_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StartError, match="a file is in its place"):
        folders.prepare(tmp_path / "data")
    with pytest.raises(StartError, match="a file is in its place"):
        folders.prepare(tmp_path / "data" / "below")


def test_a_port_for_root_alone_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(self: socket.socket, address: tuple[str, int]) -> None:
        if 0 < address[1] < 1024:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(StartError, match="Only root") as caught:
        ports.check_public("127.0.0.1", 80)
    assert caught.value.fix.endswith("--port 8000")


@pytest.mark.parametrize(
    ("text", "says"),
    [("prot: 1", "prot: there is no such setting"), ("port: [", "line 1"), ("- 1", "settings.yaml")],
)
def test_a_settings_file_that_is_not_valid_is_named_with_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        Settings.load({}, file=file)
    assert "\n" not in str(caught.value)


def test_of_npms_many_words_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    lines = ("code ECONNREFUSED", "FetchError: request to http://x failed, reason: connect ECONNREFUSED", "If you are")
    npm.write_text("#!/bin/sh\n" + "".join(f"echo 'npm error {line}' >&2\n" for line in lines) + "exit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    with pytest.raises(StartError) as caught:
        proxy.install(node.Node(Path("/bin/true"), (str(npm),)), tmp_path / "data", lambda text: None)
    assert caught.value.message.endswith("FetchError: request to http://x failed, reason: connect ECONNREFUSED")
    assert "registry" in caught.value.fix
