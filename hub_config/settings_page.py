"""Every setting, for the documentation: ``python -m hub_config.settings_page`` prints ``docs/settings.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .settings import FILE_VARIABLE, PREFIX, Settings

HEAD = f"""\
# Settings

Made by `python -m hub_config.settings_page`; the tables are the code's own. What platform admins change in the portal
while the platform runs is not here: [guide/platform-settings.md](guide/platform-settings.md).

A settings file is YAML, given by `primehub up --settings FILE` or the variable `{FILE_VARIABLE}`. Variables win over
it, and flags over both. `local.capacity_memory` is this in a file, and this as a variable:

```yaml
local:
  capacity_memory: 48Gi
```

```
{PREFIX}LOCAL__CAPACITY_MEMORY=48Gi
```

Lists are written like `'["/srv", "/data"]'` in variables. A key that is not here is an error, and so is a value that
does not fit; the message names it. Settings are read at the start. After a change of the file, `primehub restart`; for
addresses, ports, flags and variables, `primehub down` and `primehub up`.

On Kubernetes the same keys stand under the chart's `settings`; secret ones come by its `secretSettings`, and those that
are addresses or ports inside the cluster are the chart's own.
"""
EMPTY: tuple[Any, ...] = ("", (), {}, frozenset(), None)
BY_LOADING = frozenset({"data_dir"})
"""Those that are given a value before they are checked, where nobody gives one."""


def as_markdown() -> str:
    """The page."""
    return "\n".join([HEAD, *_section("", Settings)])


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    """A table of the section's own settings, then the sections in it."""
    about = " ".join((model.__doc__ or "").split())
    yield from (f"## {f'`{path}`' if path else 'Of the platform'}", "", _words(about), "")
    yield from ("| setting | default | what it is |", "|---|---|---|")
    inner = []
    for name, field in model.model_fields.items():
        key = f"{path}.{field.alias or name}".removeprefix(".")
        section = _model(field)
        if section is None:
            yield f"| `{key}` | {_default(key, field)} | {_about(field)} |"
        else:
            inner.append((key, section))
    yield ""
    for key, section in inner:
        yield from _section(key, section)


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a field is, or may be."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _default(key: str, field: FieldInfo) -> str:
    if field.is_required():
        return "" if key in BY_LOADING else "needed"
    value = field.get_default(call_default_factory=True)
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    if value is PydanticUndefined or value in EMPTY:
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return ", ".join(f"`{one}`" for one in value) if isinstance(value, tuple) else f"`{value}`"


def _about(field: FieldInfo) -> str:
    choices = [f"`{one}`" for one in _choices(field.annotation) if one]
    listed = f"One of {', '.join(choices)}." if len(choices) > 1 else ""
    return f"{_words(field.description or '')} {listed}".strip()


def _choices(kind: Any) -> tuple[Any, ...]:
    """The values that are all there are."""
    return get_args(kind) if get_origin(kind) is Literal else ()


def _words(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


if __name__ == "__main__":
    print(as_markdown(), end="")  # the command's output
