"""How git is run, and what its last words are taken for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from primehub_services.sandbox.git_output import explain
from primehub_services.sandbox.git_settings import git_environment, private_files, secret_problem

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----"


def environment(url: str, secret: str | None = None) -> dict[str, str]:
    return git_environment(url, secret, "/made/private", "/made/git")


def git(tmp_path: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Real git with our settings."""
    (tmp_path / "private").mkdir(exist_ok=True)
    for name, (text, _mode) in private_files(None).items():
        (tmp_path / "private" / name).write_text(text)
    env = {"PATH": "/usr/bin:/bin", **git_environment(url, None, str(tmp_path / "private"), str(tmp_path))}
    return subprocess.run(["git", *words], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://x/y", "ext::sh -c 'touch made'"),
        ("https://x/y", "file:///etc"),
        ("https://x/y", "http://127.0.0.1:1/y"),
        ("file:///srv/y", "ssh://127.0.0.1/y"),
    ],
)
def test_git_uses_no_other_transport_than_the_url_needs(tmp_path: Path, url: str, other: str) -> None:
    done = git(tmp_path, url, "ls-remote", other)
    assert "not allowed" in done.stderr
    assert not (tmp_path / "made").exists()


def test_git_runs_no_hooks(tmp_path: Path) -> None:
    git(tmp_path, "https://x/y", "init", "--quiet", "there")
    hook = tmp_path / "there/.git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch made\n")
    hook.chmod(0o755)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    git(tmp_path, "https://x/y", "-C", "there", *identity, "commit", "--quiet", "--allow-empty", "-m", "x")
    done = git(tmp_path, "https://x/y", "-C", "there", "checkout", "--detach")
    assert done.returncode == 0
    assert not list(tmp_path.rglob("made"))


def test_a_secret_is_in_a_file_of_its_owner_alone_and_in_no_variable() -> None:
    token, key = private_files("t0ken\n"), private_files(KEY)
    assert token["token"] == ("t0ken\n", 0o600)
    assert key["key"] == (f"{KEY}\n", 0o600)
    assert "key" not in token
    for secret, url in (("t0ken", "https://x/y"), (KEY, "git@x:y")):
        assert secret not in " ".join(environment(url, secret).values())
    assert environment("https://x/y", "t0ken")["GIT_ASKPASS"] == "/made/private/askpass"
    assert "-i /made/private/key" in environment("git@x:y", KEY)["GIT_SSH_COMMAND"]
    assert "-i" not in environment("git@x:y")["GIT_SSH_COMMAND"].split()


def test_the_askpass_script_answers_both_questions(tmp_path: Path) -> None:
    for name, (text, mode) in private_files("t0ken").items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    asked = [
        subprocess.run([tmp_path / "askpass", question], capture_output=True, text=True, check=True).stdout.strip()
        for question in ("Username for 'https://x': ", "Password for 'https://x': ")
    ]
    assert asked == ["oauth2", "t0ken"]


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [
        ("git@x:y", "t0ken", "no SSH private key"),
        ("https://x/y", KEY, "the URL is https"),
        ("file:///srv/y", KEY, "cannot be used with file"),
        ("https://x/y", "t0ken", ""),
        ("ssh://git@x/y", KEY, ""),
        ("https://x/y", None, ""),
    ],
)
def test_a_secret_that_does_not_fit_the_url_is_refused(url: str, secret: str | None, words: str) -> None:
    problem = secret_problem(url, secret)
    assert words in problem
    assert bool(problem) == bool(words)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("fatal: unable to access 'https://x/': Could not resolve host: x.y\n", "The host x.y is not known"),
        ("ssh: Could not resolve hostname x.y: Name or service not known\n", "The host x.y is not known"),
        ("fatal: Authentication failed for 'https://x/'\n", "asks for a sign-in"),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled\n", "asks for a sign-in"),
        ("git@x: Permission denied (publickey).\nfatal: Could not read from remote\n", "refuses the SSH key"),
        ("Host key verification failed.\n", "another key than before"),
        ("server certificate verification failed. CAfile: none\n", "not trusted"),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found\n", "no such repository"),
        ("fatal: write error: No space left on device\n", "The disk is full"),
        ("primehub: no ref v9\n", "no branch, tag or commit 'v9'"),
        ("primehub: empty repository\n", "no commit yet"),
        ("fatal: transport 'http' not allowed\n", "not fetched by http"),
        ("warning: x\nfatal: something new\nbye\n", "git could not fetch it: fatal: something new"),
        ("", "it said nothing (Lost)"),
    ],
)
def test_what_git_says_is_explained(said: str, meaning: str) -> None:
    assert meaning in explain(said, "Lost")


def test_memory_is_a_reason_of_its_own() -> None:
    assert "memory" in explain("fatal: anything\n", "OOMKilled")
