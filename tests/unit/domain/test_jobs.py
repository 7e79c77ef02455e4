"""What may be asked of a job."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from primehub_services.domain.jobs import MAX_COMMAND, MAX_PARAMETERS, JobSpec, NotebookRun


def test_a_notebooks_parameters_are_no_data() -> None:
    """Every list of jobs has them, so that many large ones would be read at once."""
    NotebookRun(snapshot="s", path="a.ipynb", parameters={"a": "x" * (MAX_PARAMETERS - 100)})
    with pytest.raises(ValidationError, match="characters as JSON"):
        NotebookRun(snapshot="s", path="a.ipynb", parameters={"a": ["x" * 1000] * (MAX_PARAMETERS // 1000 + 1)})


def test_a_command_that_takes_much_to_write_down_is_refused_and_one_that_was_taken_is_read() -> None:
    spec = {"group": "g", "instance_type": "t", "image": "i"}
    JobSpec.model_validate({**spec, "command": "x" * MAX_COMMAND})
    much = {**spec, "command": "\x01" * MAX_COMMAND}
    with pytest.raises(ValidationError, match="characters as JSON"):
        JobSpec.model_validate(much)
    assert JobSpec.of_row(much).command == much["command"]
