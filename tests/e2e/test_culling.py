"""Idle notebooks end, after a warning, unless something happens in them or they are kept: with the real idle culler."""

from __future__ import annotations

import pytest

from tests.support import culling
from tests.support.parts import require
from tests.support.platform import Lab, Platform

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(autouse=True)
def _sandboxes() -> None:
    from primehub_services.sandbox.probe import probe
    from primehub_services.sandbox.spec import SandboxOptions
    from tests.support.environment import cache_folder

    status = probe(cache_folder(), SandboxOptions()).status
    require("sandbox", status.sandboxed, status.sandbox.sentence)


async def test_an_idle_notebook_ends_after_a_warning_unless_it_works_or_is_kept(platform: Platform, lab: Lab) -> None:
    await culling.an_idle_notebook_ends_unless_it_works_or_is_kept(culling.somebody_idle(platform), lab.image)
