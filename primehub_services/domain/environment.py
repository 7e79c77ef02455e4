"""Environment variables that people set for a workload."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

from .wrong import WrongValue

_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*\Z")  # as Kubernetes has it, which also takes "-" and "."
RESERVED_PREFIXES = ("JUPYTERHUB_", "PRIMEHUB_", "LD_")
RESERVED = frozenset(
    {
        "HOME",
        "PATH",
        "USER",
        "SHELL",
        "GROUP_ID",
        "GROUP_NAME",
        "INSTANCE_TYPE",
        "IMAGE_NAME",
        "NVIDIA_VISIBLE_DEVICES",
        "CUDA_VISIBLE_DEVICES",
    }
)
MAX_VARIABLES = 100
MAX_VALUE = 32_768
MAX_ENVIRONMENT = 65_536
"""Characters of all variables as JSON: every list that has the rows reads them."""
KEPT: Final = {"kept": True}
"""The context of validating what was taken already: bounds on sizes may have come after it."""


def is_kept(info: ValidationInfo) -> bool:
    """Whether a value is one that was taken already, and not a request's."""
    return bool(info.context and info.context.get("kept"))


def check_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, if each has an allowed name and size. Raises ``WrongValue`` naming the first that has not."""
    if len(variables) > MAX_VARIABLES:
        msg, fix = f"has more than {MAX_VARIABLES} variables", "leave some out, or read them from a file"
        raise WrongValue(msg, fix)
    for name, value in variables.items():
        if not _NAME.match(name) or len(name) > 128:
            msg, fix = f"{name!r} is not a variable name", "use letters, digits, '-', '.', '_', not a digit first"
            raise WrongValue(msg, fix, field=name)
        if name.startswith(RESERVED_PREFIXES) or name in RESERVED:
            msg, fix = f"{name!r} is set by the platform", "choose another name"
            raise WrongValue(msg, fix, field=name)
        if len(value) > MAX_VALUE or "\0" in value:
            msg, fix = (
                f"the value of {name!r} is longer than {MAX_VALUE} characters or holds a NUL",
                "keep it in a file",
            )
            raise WrongValue(msg, fix, field=name)
    return dict(variables)


def check_size(variables: Mapping[str, str]) -> None:
    """Raises ``WrongValue`` for more than ``MAX_ENVIRONMENT`` characters of names and values."""
    if len(json.dumps(dict(variables))) > MAX_ENVIRONMENT:
        msg, fix = f"has more than {MAX_ENVIRONMENT} characters as JSON", "put data into a file of the group's volume"
        raise WrongValue(msg, fix)


def _checked(variables: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    if not is_kept(info):
        check_size(variables)
    return check_environment(variables)


Environment = Annotated[dict[str, str], AfterValidator(_checked)]
