"""Environment variables that people set for a workload."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*\Z")  # the original product's rule
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


def check_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, if each has an allowed name and size. Raises ``ValueError`` naming the first that has not."""
    if len(variables) > MAX_VARIABLES:
        msg = f"at most {MAX_VARIABLES} variables"
        raise ValueError(msg)
    for name, value in variables.items():
        if not _NAME.match(name) or len(name) > 128:
            msg = f"{name!r} is not a variable name: letters, digits, '-', '.', '_', not a digit first"
            raise ValueError(msg)
        if name.startswith(RESERVED_PREFIXES) or name in RESERVED:
            msg = f"{name!r} is set by the platform; choose another name"
            raise ValueError(msg)
        if len(value) > MAX_VALUE or "\0" in value:
            msg = f"the value of {name!r} is longer than {MAX_VALUE} characters or holds a NUL"
            raise ValueError(msg)
    return dict(variables)


Environment = Annotated[dict[str, str], AfterValidator(check_environment)]
