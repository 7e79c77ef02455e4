"""Notebooks of anybody, rendered in a process that may take little."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from primehub_services.previews import NotebookRenderer, RenderFailed, render
from primehub_services.previews import notebook as module


def made(*sources: str) -> bytes:
    """A notebook of code cells."""
    cells = [
        {"cell_type": "code", "id": f"c{n}", "execution_count": 1, "metadata": {}, "source": source, "outputs": []}
        for n, source in enumerate(sources)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


async def test_the_same_notebook_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = NotebookRenderer()
    page = await renderer.render(made("answer = 42"))
    assert b"answer" in page
    monkeypatch.setattr(module, "_COMMAND", ("-c", "raise SystemExit(1)"))
    assert await renderer.render(made("answer = 42")) == page
    with pytest.raises(RenderFailed, match="too much time or memory"):
        await renderer.render(made("another"))


async def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMAND", ("-c", "import time; time.sleep(60)"))
    with pytest.raises(RenderFailed, match="took more than"):
        await NotebookRenderer(timeout=0.5).render(made("x") * 100_000)


async def test_a_page_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HTML", 1 << 20)
    monkeypatch.setattr(module, "_COMMAND", ("-c", "while True: print('x' * 100000)"))
    with pytest.raises(RenderFailed, match="too large"):
        await NotebookRenderer().render(made("x"))


async def test_few_are_rendered_at_once_and_few_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMAND", ("-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(module, "WAITING", 3)
    renderer = NotebookRenderer(timeout=5)
    tasks = [asyncio.create_task(renderer.render(made(str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    assert renderer.busy
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not renderer.busy


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"nbformat": 4}', b'{"cells": 1, "nbformat": 4}'])
def test_what_is_no_notebook_is_known_by_its_exit_status(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert render._render(None) == render.NOT_A_NOTEBOOK


async def test_what_is_no_notebook_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COMMAND", ("-c", f"raise SystemExit({render.NOT_A_NOTEBOOK})"))
    with pytest.raises(RenderFailed, match="not a notebook"):
        await NotebookRenderer().render(b"{")
