"""From an attempt and its job's spec to what an engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..domain import notebook_runs
from ..domain.jobs import JobSpec
from ..domain.launch import LaunchPlan
from ..domain.workloads import FILES, InputFile, Workload
from ..runner import RUN_NOTEBOOK, RUN_SH

COMMAND = "command"
RUNNER = "run.sh"


def make_workload(
    plan: LaunchPlan, spec: JobSpec, secrets: Mapping[str, str], files: Mapping[str, InputFile]
) -> Workload:
    """The workload of an attempt. ``files`` are those of a notebook; values of secrets are in it alone."""
    given = {RUNNER: InputFile(source=RUN_SH), COMMAND: InputFile(text=_script(spec)), **files}
    return Workload(
        plan=plan,
        argv=("/bin/sh", f"{FILES}/{RUNNER}"),
        environment=dict(secrets),
        masked=tuple(sorted(secrets)),
        files=given,
    )


def _script(spec: JobSpec) -> str:
    command = notebook_runs.COMMAND if spec.notebook is not None else spec.command
    # a script from a form of a browser on Windows
    text = command.replace("\r\n", "\n")
    return text if text.endswith("\n") else f"{text}\n"


def notebook_files(job_id: str, spec: JobSpec, snapshot: Path, member: str) -> dict[str, InputFile]:
    """What a notebook's runner finds beside it; nothing for a command. ``member``: the notebook's path in a zip."""
    if spec.notebook is None:
        return {}
    order = notebook_runs.order(job_id, spec.notebook, member=member, masked=spec.secrets)
    return {
        RUN_NOTEBOOK.name: InputFile(source=RUN_NOTEBOOK),
        notebook_runs.ORDER: InputFile(text=order.model_dump_json()),
        notebook_runs.SNAPSHOT: InputFile(source=snapshot),
    }
