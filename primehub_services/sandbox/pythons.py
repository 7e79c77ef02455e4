"""Which Python environments are made from, and what of it a sandbox must see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import records
from .errors import WorkloadError

MINIMUM = (3, 11)
_QUESTION = (
    "import sys, json, venv, ensurepip, ssl, sqlite3;"
    "print(json.dumps([sys.executable, sys.base_prefix, sys.version_info[:3]]))"
)


@dataclass(frozen=True, slots=True)
class BasePython:
    """An interpreter that workloads can run."""

    executable: str
    prefix: str
    version: tuple[int, int, int]


def choose_base(preferred: str | None, uid: int, gid: int) -> BasePython:
    """The interpreter to make environments from: ``preferred``, or the first that ``uid`` can run.

    Raises ``WorkloadError`` (``base-python``) naming each one tried, why it does not do, and what would.
    """
    tried: list[str] = []
    for candidate in [preferred] if preferred else _candidates():
        answer = ask(candidate, uid, gid)
        if isinstance(answer, BasePython):
            return answer
        tried.append(f"{candidate} ({answer})")
    what = "; ".join(tried) or "none was found on PATH"
    msg = (
        f"No Python that workloads can be made from (they run as uid {uid}): {what}. "
        "Install Python 3.11 or later with venv where everyone can read it (apt-get install python3-venv), "
        "or name one in local.base_python."
    )
    raise WorkloadError(msg, code="base-python")


def _candidates() -> list[str]:
    own = [getattr(sys, "_base_executable", "") or sys.executable]
    names = ["python3", *(f"python3.{minor}" for minor in range(13, 10, -1))]
    folders = ["/usr/bin", "/usr/local/bin"]
    found = [shutil.which(name) for name in names] + [shutil.which(name, path=f) for f in folders for name in names]
    return list(dict.fromkeys(path for path in [*own, *found] if path))


def ask(executable: str, uid: int, gid: int) -> BasePython | str:
    """What an interpreter says of itself when ``uid`` runs it, or why it does not do."""
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [executable, "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=30,
            cwd="/",
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            check=False,
            **as_user(uid, gid),  # type: ignore[call-overload]
        )
    except PermissionError:
        return "that user cannot read it"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
        return lines[-1]
    path, prefix, version = json.loads(done.stdout)
    if tuple(version[:2]) < MINIMUM:
        return f"it is {version[0]}.{version[1]}, older than 3.11"
    return BasePython(path, prefix, (version[0], version[1], version[2]))


def as_user(uid: int, gid: int) -> dict[str, object]:
    """Arguments of ``subprocess`` that run a program as ``uid``, where this process is root."""
    if os.geteuid() != 0:
        return {}
    return {"user": uid, "group": gid, "extra_groups": []}


def interpreter_folders(prefix: str, data_dir: Path) -> tuple[str, ...]:
    """The folders that an environment's interpreter is made of: its prefix, and the base's where that is another.

    Raises ``WorkloadError`` (``environment``) where there is no interpreter, or where a folder to show would hold the
    platform's own data.
    """
    python = Path(prefix, "bin", "python")
    if not python.exists():
        msg = f"There is no Python environment at {prefix}: {python} is missing. Build the image again."
        raise WorkloadError(msg, code="environment")
    if Path(prefix).parent == data_dir / "environments":
        record = records.read(record_path(Path(prefix)))
        if record is None:
            msg = f"The environment {prefix} is not complete. Build the image again."
            raise WorkloadError(msg, code="environment")
        return (prefix, *record["base"])
    folders = [Path(prefix)]
    base = _base_of(Path(prefix))
    if base is not None:
        folders += [base, base.resolve()]
    folders.append(python.resolve().parent.parent)
    shown = [f for f in dict.fromkeys(folders) if f != Path("/usr") and Path("/usr") not in f.parents]
    for folder in shown:
        _refuse_data(folder, prefix, data_dir)
    return tuple(map(str, shown))


def record_path(prefix: Path) -> Path:
    """The record of an environment that the platform made: beside it, where no build can write."""
    return prefix.parent / f".{prefix.name}.json"


def _refuse_data(folder: Path, prefix: str, data_dir: Path) -> None:
    """Raises ``WorkloadError`` where showing ``folder`` would show the platform's data, or a whole home folder."""
    real, data = folder.resolve(), data_dir.resolve()
    if data.is_relative_to(real) or real.is_relative_to(data) or real in (Path("/"), Path.home().resolve()):
        msg = (
            f"The Python of {prefix} is in {folder}, which holds more than Python: "
            "use an interpreter with a folder of its own."
        )
        raise WorkloadError(msg, code="environment")


def _base_of(prefix: Path) -> Path | None:
    """The prefix of the interpreter that a venv was made from."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return None
    values = dict(line.split(" = ", 1) for line in lines if " = " in line)
    return Path(values["home"]).parent if "home" in values else None
