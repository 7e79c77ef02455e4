"""What a notebook's process runs: ``python -c <this file> ARGUMENTS``, in anybody's environment.

It is ``python -m jupyterhub.singleuser`` but for one import. jsonschema, which Jupyter's events need, takes up
``rfc3987_syntax`` where it is installed, and importing that builds a parser for a second or more, for a check (of IRIs)
that no schema of Jupyter's asks for. It is put off until somebody does. Standard library only.
"""

import importlib
import importlib.util
import runpy
import sys
import types

SLOW = "rfc3987_syntax"


def put_off(name: str) -> None:
    """Make ``import name`` cost nothing until something of it is used. Nothing happens where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return

    def loaded() -> types.ModuleType:
        if sys.modules.get(name) is placeholder:
            del sys.modules[name]
        return importlib.import_module(name)

    def is_valid_syntax(*args: object, **kwargs: object) -> object:
        return loaded().is_valid_syntax(*args, **kwargs)

    placeholder = types.ModuleType(name)
    placeholder.__spec__ = spec
    placeholder.__path__ = list(spec.submodule_search_locations or ())
    placeholder.__dict__["is_valid_syntax"] = is_valid_syntax
    placeholder.__dict__["__getattr__"] = lambda attribute: getattr(loaded(), attribute)
    sys.modules[name] = placeholder


if __name__ == "__main__":
    put_off(SLOW)
    runpy.run_module("jupyterhub.singleuser", run_name="__main__", alter_sys=True)
