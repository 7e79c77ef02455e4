"""The portal's types of the API are those of the API as it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from primehub_services.api.openapi import document
from tests.e2e.portal_browser import PORTAL, need_modules

pytestmark = pytest.mark.browser


def test_the_portals_types_are_current(tmp_path: Path) -> None:
    node = need_modules()
    source, made = tmp_path / "openapi.json", tmp_path / "schema.d.ts"
    source.write_text(json.dumps(document()))
    command = [node, "node_modules/openapi-typescript/bin/cli.js", str(source), "--output", str(made)]
    subprocess.run(command, cwd=PORTAL, check=True, capture_output=True)
    kept = (PORTAL / "src" / "api" / "schema.d.ts").read_text()
    assert made.read_text() == kept, "run: npm run schema (in primehub_services/portal)"
