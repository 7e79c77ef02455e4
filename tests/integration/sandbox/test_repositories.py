"""Volumes of kind git, from real repositories."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.volumes import GitSource
from primehub_services.sandbox.repositories import FetchFailed, Repositories
from primehub_services.sandbox.spec import SandboxOptions
from primehub_services.sandbox.workloads import Workloads
from tests.support.git_ssh import known_host, new_key, private_text, ssh_server
from tests.support.parts import require
from tests.support.repository import Repository, https_server
from tests.support.sandbox import Machine, alive_with, make_plan, public_folder
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sandbox
TOKEN = "git-token-5d41402abc4b2a76b971"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Holds the data folder, and ``share`` with a repository."""
    with public_folder() as made:
        made.chmod(0o755)
        yield made


@pytest.fixture
def repository(folder: Path) -> Repository:
    """One on this machine, under an allowed root."""
    return Repository(folder / "share" / "team")


@pytest.fixture
def machine(folder: Path, plain_python: str) -> Iterator[Machine]:
    workloads = Workloads(folder / "data", SandboxOptions(host_path_roots=(folder / "share",)))
    status = workloads.sandbox()
    require("sandbox", status.sandboxed, status.sandbox.sentence)
    yield Machine(workloads, plain_python)
    assert workloads.stop_all(0) == []


@pytest.fixture
def repositories(machine: Machine) -> Repositories:
    return Repositories(machine.workloads, {})


def shown(machine: Machine, name: str = "a.txt") -> str:
    """The content of a file as a new launch finds it."""
    return (machine.workloads.layout.volume("code") / "code" / name).read_text()


def with_code(url: str, key: str = "start1") -> tuple[Mount, ...]:
    """The mounts of a plan with the volume."""
    source = GitSource(url=url)
    links = ("/home/jovyan/datasets/code",)
    code = Mount(kind=MountKind.DATASET, slug="code", path="/datasets/code", read_only=True, links=links, source=source)
    return (*make_plan(key).mounts, code)


def test_a_running_workload_sees_a_new_commit_and_cannot_write(
    machine: Machine, repositories: Repositories, repository: Repository
) -> None:
    first = repository.commit(a_txt="one\n")
    assert repositories.fetch("code", GitSource(url=repository.url)) == first
    script = (
        "cat /datasets/code/a.txt ~/datasets/code/a.txt; touch /datasets/code/b; echo; cd /datasets/code;"
        " until grep two /datasets/code/a.txt; do sleep 0.05; done; cat a.txt; echo done"
    )
    machine.start("one", script, mounts=with_code(repository.url))
    machine.says("one", "Read-only file system")
    second = repository.commit(a_txt="two\n")
    assert repositories.fetch("code", GitSource(url=repository.url)) == second
    machine.says("one", "done")
    # a program that was in the old commit's folder still finds all of it
    assert machine.output("one").splitlines()[-3:] == ["two", "one", "done"]


def test_a_commit_is_shown_whole_or_not_at_all(
    machine: Machine, repositories: Repositories, repository: Repository
) -> None:
    repository.commit(a_txt="0", z_txt="0")
    repositories.fetch("code", GitSource(url=repository.url))
    around = machine.workloads.layout.volume("code")
    seen: set[tuple[str, str]] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            now = around / os.readlink(around / "code")
            seen.add(((now / "a.txt").read_text(), (now / "z.txt").read_text()))

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in ("1", "2"):
        repository.commit(a_txt=number, z_txt=number)
        repositories.fetch("code", GitSource(url=repository.url))
    stop.set()
    watcher.join()
    assert {a for a, _ in seen} <= {"0", "1", "2"}
    assert all(a == z for a, z in seen)
    # two commits are kept: the one that is shown, and the one before for those who are in it
    assert len([path for path in around.iterdir() if not path.is_symlink()]) == 2


def test_a_branch_a_tag_and_a_commit_are_found(
    machine: Machine, repositories: Repositories, repository: Repository
) -> None:
    first = repository.commit(tag="v1", a_txt="tagged")
    second = repository.commit("work/next", a_txt="branch")
    third = repository.commit("v1", a_txt="a branch of the tag's name")
    for ref, commit in (("work/next", second), ("refs/tags/v1", first), ("v1", third), (first, first)):
        assert repositories.fetch("code", GitSource(url=repository.url, ref=ref)) == commit
        assert repositories.fetch("code", GitSource(url=repository.url, ref=ref)) == commit
    assert shown(machine) == "tagged"


def test_what_is_shown_stays_while_a_fetch_fails(
    machine: Machine, repositories: Repositories, repository: Repository
) -> None:
    repository.commit(a_txt="one")
    repositories.fetch("code", GitSource(url=repository.url))
    with pytest.raises(FetchFailed, match="no branch, tag or commit 'gone'"):
        repositories.fetch("code", GitSource(url=repository.url, ref="gone"))
    with pytest.raises(FetchFailed, match=r"no-such-host\.invalid is not known"):
        repositories.fetch("code", GitSource(url="https://no-such-host.invalid/x.git"))
    assert shown(machine) == "one"


def test_another_url_is_cloned_anew_and_takes_its_place(
    machine: Machine, repositories: Repositories, repository: Repository, folder: Path
) -> None:
    repository.commit(a_txt="one", old_txt="x")
    repositories.fetch("code", GitSource(url=repository.url))
    other = Repository(folder / "share" / "other")
    other.commit(a_txt="other")
    repositories.fetch("code", GitSource(url=other.url))
    assert shown(machine) == "other"
    with pytest.raises(FileNotFoundError):
        shown(machine, "old.txt")


def test_what_a_killed_process_left_behind_is_no_hindrance(
    machine: Machine, repositories: Repositories, repository: Repository
) -> None:
    commit = repository.commit(a_txt="one")
    layout = machine.workloads.layout
    (layout.repository("code") / "new").mkdir(parents=True)
    (layout.repository("code") / "new" / "half").write_text("")
    (layout.workloads / "git-code-0a0a0a0a" / "private").mkdir(parents=True)
    (layout.workloads / "git-code-0a0a0a0a" / "private" / "token").write_text(TOKEN)
    assert repositories.fetch("code", GitSource(url=repository.url)) == commit
    assert list(layout.workloads.iterdir()) == []


def test_cancelling_ends_git(machine: Machine, repositories: Repositories, repository: Repository) -> None:
    repository.commit(a_txt="one")
    with pytest.raises(FetchFailed, match="cancelled"):
        repositories.fetch("code", GitSource(url=repository.url), cancelled=lambda: True)
    assert list(machine.workloads.layout.workloads.iterdir()) == []


def test_a_repository_elsewhere_on_the_machine_is_refused_also_through_a_link(
    repositories: Repositories, folder: Path
) -> None:
    private = Repository(folder / "private")
    private.commit(a_txt="secret")
    (folder / "share").mkdir()
    (folder / "share" / "link").symlink_to(private.bare)
    for url in (private.url, f"file://{folder}/share/link", f"file://{folder}/data"):
        with pytest.raises(FetchFailed, match=r"local\.host_path_roots"):
            repositories.fetch("code", GitSource(url=url))


def test_a_link_in_a_repository_shows_nothing_of_the_machine(
    machine: Machine, repositories: Repositories, repository: Repository, folder: Path
) -> None:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "hidden").write_text("hidden")
    repository.link("out", str(folder / "hidden"))
    repository.commit(a_txt="one")
    repositories.fetch("code", GitSource(url=repository.url))
    _, output = machine.run("one", "cat /datasets/code/out; ls /gitsync/code", mounts=with_code(repository.url))
    assert "hidden\n" not in output
    assert "No such file" in output


def test_a_volume_that_was_not_fetched_is_left_out_of_a_launch(machine: Machine) -> None:
    plan = make_plan(prefix=machine.prefix, mounts=with_code("https://example.org/x.git"))
    rendered = machine.workloads.render(plan, argv=("true",))
    assert [left.volume for left in rendered.left_out] == ["code"]
    assert not [bind for bind in rendered.spec.binds if "code" in bind.path]


def test_a_token_is_used_over_https_and_is_nowhere_else(machine: Machine, repository: Repository, folder: Path) -> None:
    commit = repository.commit(a_txt="one")
    carriers: list[int] = []
    (folder / "tls").mkdir(mode=0o755)
    with https_server(repository, folder / "tls", TOKEN, seen=lambda: carriers.extend(alive_with(TOKEN))) as (
        url,
        authority,
    ):
        repositories = Repositories(machine.workloads, {"GIT_SSL_CAINFO": str(authority)})
        with pytest.raises(FetchFailed, match="secret of kind git"):
            repositories.fetch("code", GitSource(url=url))
        with pytest.raises(FetchFailed, match="secret of kind git") as wrong:
            repositories.fetch("code", GitSource(url=url), secret=f"{TOKEN}-not")
        assert TOKEN not in str(wrong.value)
        assert repositories.fetch("code", GitSource(url=url), secret=TOKEN) == commit
        with pytest.raises(FetchFailed, match="not trusted"):
            Repositories(machine.workloads, {}).fetch("code", GitSource(url=url), secret=TOKEN)
    assert shown(machine) == "one"
    assert carriers == []
    found = subprocess.run(["grep", "-rl", TOKEN, str(folder / "data")], capture_output=True, text=True, check=False)
    assert found.stdout == ""


def test_over_ssh_a_key_is_used_and_a_server_that_shows_another_one_of_any_type_is_refused(
    machine: Machine, repositories: Repositories, repository: Repository
) -> None:
    commit = repository.commit(a_txt="one")
    person, stranger, own = new_key(), new_key(), new_key()
    with ssh_server(repository, person, own) as (url, port):
        for wrong in (None, private_text(stranger)):
            with pytest.raises(FetchFailed, match="refuses the SSH key"):
                repositories.fetch("code", GitSource(url=url), secret=wrong)
        assert repositories.fetch("code", GitSource(url=url), secret=private_text(person)) == commit
    for other in (new_key(), new_key("ecdsa-sha2-nistp256")):
        with (
            ssh_server(repository, person, other, port=port),
            pytest.raises(FetchFailed, match="another key than before"),
        ):
            repositories.fetch("code", GitSource(url=url), secret=private_text(person))
    second = repository.commit(a_txt="two")
    with ssh_server(repository, person, own, port=port):
        assert repositories.fetch("code", GitSource(url=url), secret=private_text(person)) == second
    # another server is another matter
    with ssh_server(repository, person, new_key()) as (elsewhere, _):
        assert repositories.fetch("code", GitSource(url=elsewhere), secret=private_text(person)) == second


def test_where_an_administrator_says_which_keys_servers_have_no_other_is_trusted(
    machine: Machine, repository: Repository
) -> None:
    commit = repository.commit(a_txt="one")
    person, own = new_key(), new_key()
    with ssh_server(repository, person, own) as (url, port):
        for wrong in (known_host(new_key(), "127.0.0.1", port), known_host(own, "git.example.org", port)):
            strict = Repositories(machine.workloads, {}, (wrong,))
            with pytest.raises(FetchFailed, match=r"git\.known_hosts"):
                strict.fetch("code", GitSource(url=url), secret=private_text(person))
        right = Repositories(machine.workloads, {}, (known_host(own, "127.0.0.1", port),))
        assert right.fetch("code", GitSource(url=url), secret=private_text(person)) == commit


def test_without_a_sandbox_a_running_workload_sees_a_new_commit_too(
    folder: Path, repository: Repository, plain_python: str
) -> None:
    options = SandboxOptions(sandbox="off", host_path_roots=(folder / "share",))
    bare = Machine(Workloads(folder / "data", options), plain_python)
    repositories = Repositories(bare.workloads, {})
    repository.commit(a_txt="one")
    repositories.fetch("code", GitSource(url=repository.url))
    script = "cat datasets/code/a.txt; until grep two datasets/code/a.txt; do sleep 0.05; done; echo done"
    bare.start("one", script, mounts=with_code(repository.url))
    wait_for(lambda: "one" in bare.output("one"), what="the first commit is seen")
    repository.commit(a_txt="two")
    repositories.fetch("code", GitSource(url=repository.url))
    bare.says("one", "done")
