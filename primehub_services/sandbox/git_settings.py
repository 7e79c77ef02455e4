"""How git is run to fetch a repository: its script, its environment, its private files. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

SCRIPT = """\
set -f; umask 022
url="$1"; ref="$2"; known="$3"
rm -rf new listed result
case "$ref" in
  '') names=HEAD;;
  refs/*) names="$ref $ref^{}";;
  *) names="refs/heads/$ref refs/tags/$ref refs/tags/$ref^{}";;
esac
git ls-remote -- "$url" $names >listed || exit 1
want=; commit=
for name in $names; do
  # a branch goes before a tag of the same name
  case "$want:$name" in refs/heads/*:refs/tags/*) break;; esac
  while read -r id found; do
    [ "$found" = "$name" ] || continue
    commit="$id"
    case "$name" in *'^{}') ;; *) want="$name";; esac
  done <listed
done
if [ -z "$want" ]; then
  case "$ref" in
    '') echo 'primehub: empty repository'; exit 1;;
    *[!0-9a-f]*) echo "primehub: no ref $ref"; exit 1;;
  esac
  [ "${#ref}" -ge 40 ] || { echo "primehub: no ref $ref"; exit 1; }
  want="$ref"; commit="$ref"
fi
if [ "$commit" = "$known" ]; then echo "same $commit" >result; exit 0; fi
git init --quiet --template= new && cd new || exit 1
git fetch --quiet --no-tags --depth 1 -- "$url" "$want" || exit 1
git checkout --quiet --detach FETCH_HEAD || exit 1
commit="$(git rev-parse HEAD)" || exit 1
cd .. && echo "new $commit" >result
"""
"""Arguments: URL, ref (empty is the default branch), and the commit that is shown already.

Leaves ``result``: ``same <commit>``, or ``new <commit>`` and a clone in ``new``.
"""
TOKEN_USER = "oauth2"
"""Sent with a token where the URL names no user; servers look at the token alone."""
_ASKPASS = f"""\
#!/bin/sh
case "$1" in Username*) echo {TOKEN_USER};; *) exec cat "${{0%/*}}/token";; esac
"""
# safe.directory: whose the files of a repository on this machine are says nothing, since git sees nothing else here.
# http.*: a server that sends nothing for a minute is given up
_CONFIG = """\
[core]
    hooksPath = /dev/null
    fsmonitor = false
[credential]
    helper =
[fetch]
    recurseSubmodules = false
[submodule]
    recurse = false
[gc]
    auto = 0
[maintenance]
    auto = false
[safe]
    directory = *
[http]
    lowSpeedLimit = 1
    lowSpeedTime = 60
"""
_PROTOCOLS = "https:ssh"
KNOWN_HOSTS = "known_hosts"


def scheme_of(url: str) -> str:
    """``https``, ``ssh`` or ``file``; ``user@host:path`` is ssh."""
    return url.partition("://")[0] if "://" in url else "ssh"


def is_key(secret: str) -> bool:
    """Whether a secret is an SSH private key; else it is a token."""
    return "PRIVATE KEY-----" in secret


def secret_problem(url: str, secret: str | None) -> str:
    """Why a repository cannot be asked for with this secret; empty where it can."""
    scheme = scheme_of(url)
    if secret is None:
        return ""
    if scheme == "ssh" and not is_key(secret):
        return "The secret is no SSH private key, which an ssh URL needs. Use the key, or an https URL with a token."
    if scheme == "https" and is_key(secret):
        return "The secret is an SSH private key, and the URL is https. Use a token, or the repository's ssh URL."
    if scheme not in ("ssh", "https"):
        return f"A secret cannot be used with {scheme} URLs. Leave it out, or use https or ssh."
    return ""


def private_files(secret: str | None, known_hosts: Sequence[str] = ()) -> Mapping[str, tuple[str, int]]:
    """The files that one run of git is given: name, content, and mode."""
    files = {"config": (_CONFIG, 0o600)}
    if known_hosts:
        files[KNOWN_HOSTS] = ("".join(f"{line}\n" for line in known_hosts), 0o600)
    if secret is None:
        return files
    if is_key(secret):
        # OpenSSH wants the last line to end
        return {**files, "key": (secret.replace("\r\n", "\n").rstrip("\n") + "\n", 0o600)}
    return {**files, "token": (secret.strip() + "\n", 0o600), "askpass": (_ASKPASS, 0o500)}


def git_environment(
    url: str, secret: str | None, private: str, folder: str, known_hosts: Sequence[str] = ()
) -> dict[str, str]:
    """Git's environment: no configuration but ours, no hooks, no questions, no transports but the known ones.

    ``private`` is the folder of ``private_files``; ``folder`` keeps the keys of the servers seen before, which are
    not looked at where the administrator says which are right (``known_hosts``).
    """
    env = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": f"{private}/config",
        "GIT_ALLOW_PROTOCOL": "file" if scheme_of(url) == "file" else _PROTOCOLS,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_SSH_COMMAND": shlex.join(_ssh(secret, private, folder, strict=bool(known_hosts))),
    }
    if secret is not None and not is_key(secret):
        env["GIT_ASKPASS"] = f"{private}/askpass"
    return env


def _ssh(secret: str | None, private: str, folder: str, *, strict: bool) -> list[str]:
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "30",
        "ServerAliveInterval": "15",
        # a server is trusted by the key it showed first; another key later, of any type, is refused
        "StrictHostKeyChecking": "yes" if strict else "accept-new",
        "UserKnownHostsFile": f"{private if strict else folder}/{KNOWN_HOSTS}",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
    }
    words = ["ssh", "-F", "/dev/null"]
    if secret is not None and is_key(secret):
        words += ["-i", f"{private}/key"]
    return [*words, *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
