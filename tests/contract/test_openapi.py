"""Requests made up from the API's own document: nothing breaks, and every answer is as the document says."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from primehub_services.api.openapi import document
from primehub_services.store.database import Database
from tests.support import factories
from tests.support.api import ROOT, Api, running_api

EXAMPLES = 2
"""For each operation, sent as each actor; more find little more and take minutes."""
NOT_ASKED = frozenset({"events_stream"})
"""A stream that does not end."""
CHECKS = (
    checks.not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    response_headers_conformance,
)
SCHEMA = schemathesis.openapi.from_dict(document())


@contextmanager
def _in_thread(database: Database, folder: Path) -> Iterator[Api]:
    """The API with a loop of its own: the requests come from ordinary blocking code."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running = running_api(database, folder)
    try:
        api = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(20)
        yield api
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The API's address, and a token for each of two actors."""
    folder = tmp_path_factory.mktemp("api")
    shutil.copy(migrated_sqlite, folder / "primehub.sqlite")
    database = Database(f"sqlite:///{folder / 'primehub.sqlite'}")
    cast = database.write_now(factories.cast)
    database.write_now(factories.instance_type)
    database.write_now(factories.image)
    with _in_thread(database, folder) as api:
        tokens = {name: api.tokens.give(getattr(cast, name)) for name in ("platform_admin", "member", "authenticator")}
        yield f"{api.url}{ROOT}", tokens
    database.close()


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_the_document_says(case: schemathesis.Case, served: tuple[str, dict[str, str]]) -> None:
    name = case.operation.definition.raw["operationId"]
    if name in NOT_ASKED:
        pytest.skip("a stream that does not end")
    url, tokens = served
    asking = ("authenticator",) if name.startswith("sign_in") else ("platform_admin", "member")
    for token in (tokens[actor] for actor in asking):
        response = case.call(base_url=url, headers={"Authorization": f"Bearer {token}"})
        case.validate_response(response, checks=list(CHECKS))
