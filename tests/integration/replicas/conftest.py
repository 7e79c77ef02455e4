"""Several processes of the services, and something for them to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.replicas import Replicas, replicas
from tests.support.sandbox import plain_python

__all__ = ["plain_python"]


@pytest.fixture
def several() -> Iterator[Replicas]:
    """No process as yet, over an empty database."""
    with replicas() as made:
        yield made
