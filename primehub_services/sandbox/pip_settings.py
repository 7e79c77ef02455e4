"""How this machine's pip reaches its packages, as environment variables for a build."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

_PASSED = re.compile(r"^(https?|ftp|all|no)_proxy$", re.IGNORECASE)
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_GIT_CERTIFICATES = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH")
_NOT_PASSED = frozenset({"PIP_CACHE_DIR", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_CONFIG_FILE", "PIP_LOG"})
_SECTIONS = ("global", "install")


def pip_environment(environ: Mapping[str, str], files: tuple[Path, ...] | None = None) -> dict[str, str]:
    """Index, proxy and certificate settings of the platform's user, from its pip configuration and environment.

    The files are read here, because the build's own user may not be able to.
    """
    result: dict[str, str] = {}
    for file in _files(environ) if files is None else files:
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text())
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue
        for section in _SECTIONS:
            if parser.has_section(section):
                for name, value in parser.items(section):
                    result[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(value.split())
    for name, value in environ.items():
        if name.startswith("PIP_") or name in _CERTIFICATES or _PASSED.match(name):
            result[name] = value
    return {name: value for name, value in result.items() if name not in _NOT_PASSED}


def _files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = environ.get("PIP_CONFIG_FILE")
    return (
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        config / "pip/pip.conf",
        *((Path(named),) if named else ()),
    )


def proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that name proxies."""
    return {name: value for name, value in environ.items() if _PASSED.match(name)}


def certificates(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that name the authorities which git is to trust, with their files and folders."""
    names = (*_CERTIFICATES, *_GIT_CERTIFICATES)
    return {name: environ[name] for name in names if environ.get(name, "").startswith("/")}


def loopback_ports(settings: Mapping[str, str]) -> tuple[int, ...]:
    """Ports of this machine's own loopback that the settings name (an index or proxy on it)."""
    ports: set[int] = set()
    for value in settings.values():
        for word in value.split():
            if "://" in word:
                try:
                    url = urlsplit(word)
                    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
                except ValueError:
                    continue
                if url.hostname in {"localhost", "127.0.0.1"} and port:
                    ports.add(port)
    return tuple(sorted(ports))


def local_sources(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Files and folders that the settings name and a build must see: certificates, folders of wheels."""
    names = ("PIP_CERT", "PIP_CLIENT_CERT", "PIP_FIND_LINKS", *_CERTIFICATES)
    words = [word.removeprefix("file://") for name in names for word in settings.get(name, "").split()]
    found = (word for word in words if word.startswith("/") and os.path.exists(word))
    return tuple(dict.fromkeys(word for word in found if not word.startswith(("/usr/", "/etc/ssl/", "/etc/pki/"))))
