"""What may be asked of a job."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from primehub_services.domain.jobs import MAX_PARAMETERS, NotebookRun


def test_a_notebooks_parameters_are_no_data() -> None:
    """Every list of jobs has them, so that many large ones would be read at once."""
    NotebookRun(snapshot="s", path="a.ipynb", parameters={"a": "x" * (MAX_PARAMETERS - 100)})
    with pytest.raises(ValidationError, match="characters as JSON"):
        NotebookRun(snapshot="s", path="a.ipynb", parameters={"a": ["x" * 1000] * (MAX_PARAMETERS // 1000 + 1)})
