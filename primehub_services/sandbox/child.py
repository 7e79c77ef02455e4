"""The step from supervisor to workload, in the forked child. Standard library only: the supervisor uses it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path
from typing import Any, NoReturn

from primehub_services.sandbox.cgroups import Cgroup

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
OOM_SCORE = "500"  # the kernel, out of memory, ends a workload before the platform


def become(plan: dict[str, Any], cgroup: Cgroup | None, *, output: int, supervisor: int) -> NoReturn:
    """Joins the groups, drops to the workload's user, and becomes its command, with ``output`` as its output.

    ``supervisor`` is the parent's pid: with it the workload ends.
    """
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open("/dev/null", os.O_RDONLY)
        for handle, place in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(handle, place)
        if cgroup is not None:
            cgroup.join()
        else:
            _best_effort_cpu(plan["key"], plan["limits"]["cpu"])
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(*[plan["gid"]] * 3)
            os.setresuid(*[plan["uid"]] * 3)
        # after the change of user, which would clear it
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(126)
        os.umask(0o022)
        os.chdir("/")
        os.execve(plan["argv"][0], plan["argv"], plan["env"])
    except BaseException as error:
        os.write(2, f"primehub: {error}\n".encode())
        os._exit(126)


def _best_effort_cpu(key: str, cpu: int | None) -> None:
    """Without control groups: as many CPUs as the limit begins to fill, spread over the machine by key."""
    available = sorted(os.sched_getaffinity(0))
    if cpu is None or cpu > 1000 * (len(available) - 1):
        return
    count = -(-cpu // 1000)
    first = sum(key.encode()) % len(available)
    os.sched_setaffinity(0, {available[(first + n) % len(available)] for n in range(count)})


def adopt_orphans() -> None:
    """Makes this process the parent of what its descendants leave behind."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
