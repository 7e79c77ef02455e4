"""Hearing of what other processes do, on PostgreSQL."""

from __future__ import annotations

import pytest

from primehub_services.store import listening
from primehub_services.store.database import Database
from primehub_services.store.listening import Listener
from tests.support.waiting import wait_for

pytestmark = pytest.mark.postgres


def test_what_one_process_is_told_of_a_workload_every_process_hears(migrated_postgres: str) -> None:
    here, there = Database(migrated_postgres), Database(migrated_postgres)
    heard: list[str] = []
    woken: list[bool] = []
    listener = Listener(here, lambda: woken.append(True), heard.append)
    listener.start()
    wait_for(lambda: woken, what="it listens")
    there.write_now(listening.tell, "job-1")
    wait_for(lambda: heard, 30, what="it is heard")
    assert heard == ["job-1"]
    listener.stop()
    here.close()
    there.close()
