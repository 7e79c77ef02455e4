"""What one attempt at a job runs with: its LaunchPlan. As a notebook's, but that nobody's home folder is in it. Pure."""

from __future__ import annotations

import re

from .jobs import JobSpec
from .launch import LaunchPlan, MountKind, WorkloadKind
from .planning import HOME, Chosen, make_plan

NAME_LENGTH = 60
_OF_NOTEBOOKS = frozenset({"JUPYTERHUB_ACTIVITY_INTERVAL"})
_NOT_WORDS = re.compile(r"^\s*(#|set\s|cd\s|export\s|:\s|$)")


def attempt_id(job: str, number: int) -> str:
    """The workload's key, and the claim's id."""
    return f"{job}-{number}"


def job_plan(chosen: Chosen, job: str, name: str) -> LaunchPlan:
    """The plan of an attempt, whose id is ``chosen.start_id``. Its home folder is scratch and ends with it."""
    plan = make_plan(chosen)
    variables = {key: value for key, value in plan.environment.items() if key not in _OF_NOTEBOOKS}
    ours = {"PHJOB_NAME": job, "PRIMEHUB_JOB_NAME": name, "PRIMEHUB_ARTIFACTS": f"{HOME}/artifacts"}
    return plan.model_copy(
        update={
            "kind": WorkloadKind.JOB,
            "mounts": tuple(mount for mount in plan.mounts if mount.kind is not MountKind.HOME),
            # what people set wins over what is only a default
            "environment": {"PYTHONUNBUFFERED": "1"} | variables | ours,
            # the group's alone: colleagues can write what is named after this person
            "profiles": plan.profiles[:1],
            "idle_timeout": 0,
            "idle_warning": 0,
        }
    )


def default_name(spec: JobSpec) -> str:
    """The name of a job that was given none: its notebook's file, or the first words of its command."""
    if spec.notebook is not None:
        stem = spec.notebook.path.rpartition("/")[2]
        return (stem.removesuffix(".ipynb") or "notebook")[:NAME_LENGTH]
    lines = [line for line in spec.command.splitlines() if line.strip()]
    line = next((line for line in lines if not _NOT_WORDS.match(line)), lines[0] if lines else "")
    words = "".join(c if c.isprintable() else " " for c in line).split()
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > NAME_LENGTH:
            break
        name = f"{name} {word}".strip()
    return name[:NAME_LENGTH] or "job"


def timeout_of(spec: JobSpec, group: int | None, system: int) -> int:
    """Seconds that an attempt may take, 0 is no end: the job's own, else the group's, else the system's."""
    for value in (spec.timeout, group):
        if value is not None:
            return value
    return system
