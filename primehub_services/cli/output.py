"""How answers look: tables for people, JSON for programs. Answers go to standard output, everything else to error."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from pydantic import BaseModel

from .session import Session, json_text

Column = tuple[str, str | Callable[[Any], Any]]
"""A title, and the field's dotted name or a function of the row."""


def as_json(value: Any) -> Any:
    """The value as JSON types, with the API's own field names and order."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json_text(as_json(value)))


def show_list(session: Session, rows: Sequence[Any], columns: Sequence[Column], *, nothing: str = "None.") -> None:
    """The rows: all their fields in JSON, the columns as a table."""
    if session.as_json:
        print_json(list(rows))
    elif not rows:
        click.echo(nothing, err=True)
    else:
        table([title for title, _ in columns], [[_cell(_field(row, what)) for _, what in columns] for row in rows])


def show_one(session: Session, value: BaseModel | Mapping[str, Any], *, hide: Iterable[str] = ("version",)) -> None:
    """One thing: all its fields in JSON, or a line each."""
    if session.as_json:
        print_json(value)
        return
    fields = as_json(value)
    rows = [[key.replace("_", " "), _shown(key, item)] for key, item in fields.items() if key not in set(hide)]
    table(["", ""], rows, header=False)


def done(session: Session, text: str, **result: Any) -> None:
    """Say that it is done: the result in JSON, or a sentence."""
    if session.as_json:
        print_json(result)
    else:
        click.echo(text)


def note(text: str) -> None:
    """Something to know that is not the answer."""
    click.echo(text, err=True)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, header: bool = True, err: bool = False) -> None:
    """Aligned columns. In a pipe no cell is ever cut or wrapped."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = sys.stderr if err else sys.stdout
    shown = Table(box=None, pad_edge=False, show_header=header, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_harmless(cell)) for cell in row))
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if stream.isatty():
        console.print(shown, crop=False)
        return
    console.width = 100_000
    with console.capture() as captured:
        console.print(shown, no_wrap=True, crop=False)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(), file=stream)


def _harmless(text: str) -> str:
    """Without what a terminal would obey: names, commands and messages are also other people's."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\N{REPLACEMENT CHARACTER}" for c in text)


def refusal(detail: str, decision: Mapping[str, Any]) -> None:
    """Why a launch was refused: each reason with its numbers, who holds what is short, and what would help."""
    click.echo(detail, err=True)
    reasons = decision.get("reasons") or []
    numbers = [r for r in reasons if r.get("limit")]
    if numbers:
        rows = [
            [str(r.get("budget") or ""), str(r.get("resource") or ""), *(str(r.get(k) or "") for k in _NUMBERS)]
            for r in numbers
        ]
        table(["QUOTA OF", "RESOURCE", *(key.upper() for key in _NUMBERS)], rows, err=True)
    holders = {
        (
            str(h.get("user") or "somebody"),
            str(h.get("title") or h.get("name") or ""),
            str(h["amount"]),
            str(h["since"]),
        )
        for r in reasons
        for h in r.get("holders") or []
    }
    if holders:
        click.echo("In use by:", err=True)
        rows = [[user, name or "(default)", amount, _moment(since)] for user, name, amount, since in sorted(holders)]
        table(["USER", "SERVER", "AMOUNT", "SINCE"], rows, err=True)
    for r in reasons:
        message = str(r.get("message") or "")
        if not r.get("limit") and message not in detail:
            click.echo(message, err=True)
    for help_text in dict.fromkeys(r.get("help") or "" for r in reasons):
        if help_text:
            click.echo(help_text, err=True)


_NUMBERS = ("limit", "used", "asked", "short")


def _field(row: Any, what: str | Callable[[Any], Any]) -> Any:
    if callable(what):
        return what(row)
    for name in what.split("."):
        row = row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)
    return row


def _shown(field: str, value: Any) -> str:
    """A field as people read it: a moment in this machine's time, a length in the largest unit that is whole."""
    if isinstance(value, str) and field.endswith(("_at", "_until", "_deadline")):
        return _moment(value)
    if isinstance(value, int) and field.endswith("_timeout") and not isinstance(value, bool):
        return duration(value)
    return _cell(value)


def duration(seconds: int) -> str:
    """Seconds in a few words: ``2 h``."""
    if not seconds:
        return "never"
    size, unit = next(((s, u) for s, u in ((86_400, "d"), (3600, "h"), (60, "min")) if seconds % s == 0), (1, "s"))
    return f"{seconds // size} {unit}"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _moment(value.isoformat())
    if isinstance(value, BaseModel):
        return _cell(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_cell(item)}" for key, item in value.items() if item not in (None, "")) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(item) for item in value) or "-"
    return str(value)


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def cores(resources: Any) -> str:
    """Resources in a few words: ``0.5 CPU, 2Gi, 1 GPU``."""
    amounts = as_json(resources)
    words = [f"{amounts['cpu']} CPU", str(amounts["memory"])]
    if amounts.get("gpu"):
        words.append(f"{amounts['gpu']} GPU")
    return ", ".join(words)


def quota(value: Any) -> str:
    """A quota in a few words; what has no limit is left out."""
    amounts = as_json(value)
    units = {"cpu": " CPU", "memory": "", "gpu": " GPU"}
    return ", ".join(f"{amounts[k]}{unit}" for k, unit in units.items() if amounts.get(k) is not None) or "no limit"
