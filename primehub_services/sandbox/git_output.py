"""What git's last words mean, for the administrators."""

from __future__ import annotations

import re

_MEANINGS: tuple[tuple[str, str], ...] = (
    (r"primehub: empty repository", "The repository has no commit yet."),
    (r"primehub: no ref (?P<what>.+)", "The repository has no branch, tag or commit {what!r}. Correct the ref."),
    (r"No space left|Disk quota exceeded", "The disk is full. Make room for the repository."),
    (
        r"Could not resolve host(name)?:? (?P<what>[^\s:]+)",
        "The host {what} is not known. Correct the URL, or this machine's name service.",
    ),
    (
        r"Authentication failed|could not read (Username|Password)|invalid credentials"
        r"|HTTP Basic: Access denied|The requested URL returned error: 40[13]",
        "The server asks for a sign-in, or refuses the one it was given. Give the volume a secret of kind git that may"
        " read the repository.",
    ),
    (
        r"Permission denied \(.*publickey",
        "The server refuses the SSH key. Give the volume a secret of kind git whose key may read the repository.",
    ),
    (r"error in libcrypto|invalid format", "The secret cannot be read as an SSH private key without a passphrase."),
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed",
        "The server shows another key than before, or than git.known_hosts says. If that is right, correct"
        " git.known_hosts; without it, make the volume anew.",
    ),
    (
        r"SSL certificate problem: (?P<what>.+)|server certificate verification failed(?P<none>)",
        "The server's certificate is not trusted. Give the platform its authority in GIT_SSL_CAINFO or SSL_CERT_FILE.",
    ),
    (r"transport '(?P<what>[^']+)' not allowed", "Repositories are not fetched by {what}. Use https or ssh."),
    (
        r"Repository not found|repository '.*' not found|does not appear to be a git repository|not a git repository",
        "There is no such repository, or it may not be seen without a sign-in. Correct the URL, or give the volume a"
        " secret of kind git.",
    ),
    (
        r"Connection refused|Failed to connect|Connection timed out|Operation timed out|Couldn't connect"
        r"|Operation too slow|Connection reset",
        "The server does not answer.",
    ),
)


def explain(output: str, reason: str) -> str:
    """Why a fetch that printed ``output`` and ended for ``reason`` (``WorkloadStatus.reason``) failed."""
    if reason == "OOMKilled":
        return "git ran out of memory."
    for pattern, sentence in _MEANINGS:
        found = re.search(pattern, output, re.IGNORECASE)
        if found:
            return sentence.format(**{"what": "", **{k: v for k, v in found.groupdict().items() if v}})
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    last = (fatal or lines or [f"it said nothing ({reason or 'ended'})"])[-1]
    return f"git could not fetch it: {last[:500]}"
