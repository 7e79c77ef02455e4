"""What the documents point to is there: files, chapters, commands and their flags."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from primehub_services.cli.main import cli

from .test_code import ROOT, tracked

PAPERS = tuple(path for path in tracked() if path.endswith(".md"))
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[|;&] *|\bsudo (?:-u \S+ )?|\bexec \S+ -- )(?:\S*/)?primehub (?=[a-z-])")
"""What is a call of the command, and not a name in somebody else's: ``helm install primehub helm/primehub``."""


@cache
def text(path: Path) -> str:
    return path.read_text()


@cache
def chapters(path: Path) -> frozenset[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found: list[str] = []
    for title in re.findall(r"^#{1,6} (.+)$", FENCE.sub("", text(path)), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


def broken(path: Path, target: str) -> str:
    """Why a link leads nowhere; empty where it does not."""
    place, _, anchor = target.partition("#")
    there = path.parent / place if place else path
    if not there.exists():
        return "no such file"
    return f"no chapter {anchor}" if anchor and there.suffix == ".md" and anchor not in chapters(there) else ""


@pytest.mark.parametrize("paper", PAPERS)
def test_links_between_the_papers_lead_somewhere(paper: str) -> None:
    written = FENCE.sub("", text(ROOT / paper))
    targets = re.findall(r"\]\(([^)\s]+)\)", written) + re.findall(r'(?:src|srcset|href)="([^"\s]+)"', written)
    inside = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert {target: why for target in inside if (why := broken(ROOT / paper, target))} == {}


def test_a_link_into_a_chapter_that_is_not_there_is_found(tmp_path: Path) -> None:
    paper = tmp_path / "a.md"
    paper.write_text("# One `two` (three)\n\n## Again\n\n```\n# no heading\n```\n\n## Again\n")
    assert chapters(paper) == {"one-two-three", "again", "again-1"}
    assert broken(paper, "#again-1") == broken(paper, "a.md#one-two-three") == ""
    assert broken(paper, "#no-heading") == "no chapter no-heading"
    assert broken(paper, "b.md#again") == "no such file"


def calls(written: str) -> Iterator[list[str]]:
    """The words after ``primehub`` of every call in the text's blocks of commands, to the end of that command."""
    for block in FENCE.findall(written):
        for whole in re.sub(r"\\\n\s*", "", block).splitlines():
            line = re.sub(r"(^|\s)#.*", "", whole)
            for found in CALL.finditer(line):
                lexer = shlex.shlex(line[found.end() :], posix=True, punctuation_chars="|&;<>")
                lexer.whitespace_split = True
                words = []
                for word in lexer:
                    if set(word) <= set("|&;<>"):
                        break
                    words.append(word)
                yield words


def wrong(words: list[str]) -> str:
    """What the command would not take: a word for a subcommand, a flag, a choice; empty where it takes all."""
    command: click.Command = cli
    options = {name: option for option in cli.params for name in (*option.opts, *option.secondary_opts)}
    rest = iter(words)
    for word in rest:
        if word == "--":
            break
        if word.startswith("-") and len(word) > 1:
            name, _, value = word.partition("=")
            option = options.get(name)
            if option is None:
                return f"no {name}" if name not in ("-h", "--help", "--version") else ""
            if isinstance(option, click.Option) and not option.is_flag:
                value = value or next(rest, "")
                if isinstance(option.type, click.Choice) and value not in option.type.choices:
                    return f"no {name} {value}"
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"no {word}"
            command = found
            options |= {name: p for p in found.params for name in (*p.opts, *p.secondary_opts)}
            if not isinstance(found, click.Group):
                options = {name: p for p in found.params for name in (*p.opts, *p.secondary_opts)}
    return "" if not isinstance(command, click.Group) else "no whole command"


@pytest.mark.parametrize("paper", [p for p in PAPERS if any(True for _ in calls(text(ROOT / p)))])
def test_the_commands_of_a_block_are_ones_that_would_be_taken(paper: str) -> None:
    found = {" ".join(words): wrong(words) for words in calls(text(ROOT / paper))}
    assert {words: why for words, why in found.items() if why} == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("primehub jobs submit --group research --wait -- python train.py --fast", ""),
        ("primehub login https://primehub.example.org --scope admin   # somebody's", ""),
        ("primehub login https://primehub.example.org --scope root", "no --scope root"),
        ("sudo -u primehub /opt/primehub/bin/primehub restart --data /x", ""),
        ("primehub up --json", "no --json"),
        ("echo '{}' | primehub admin groups updat research", "no updat"),
        ("primehub admin groups", "no whole command"),
        ("primehub systemd-unit --user primehub \\\n  -- --port 8000 | sudo tee unit", ""),
        ("kubectl -n primehub exec deploy/primehub-services -- primehub sign-in-links", "no sign-in-links"),
    ],
)
def test_a_command_that_would_be_refused_is_found(line: str, why: str) -> None:
    assert [wrong(words) for words in calls(f"```\n{line}\n```\n")] == [why]


def test_the_command_as_a_name_is_no_call() -> None:
    block = "```\nhelm install primehub helm/primehub -n primehub\nuseradd primehub\n```\n"
    assert list(calls(block)) == []


def prefixes(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[str]:
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        yield " ".join((*words, name))
        if isinstance(found, click.Group):
            yield from prefixes(found, (*words, name))


@pytest.mark.parametrize("paper", [p for p in PAPERS if p != "CHANGELOG.md"])
def test_the_commands_that_a_sentence_names_exist(paper: str) -> None:
    known = set(prefixes(cli))
    missing = []
    for line in re.findall(r"`(?:sudo )?primehub\s+([a-z][^`#|]*)`", FENCE.sub("", text(ROOT / paper))):
        words = [word for word in line.split() if re.match(r"^[a-z][a-z-]*$", word)]
        if not {" ".join(words[:n]) for n in (1, 2, 3)} & known:
            missing.append(line)
        elif not isinstance(cli.get_command(click.Context(cli), words[0]), click.Group):
            continue
        elif len(words) > 1 and " ".join(words[:2]) not in known:
            missing.append(line)
    assert missing == []
