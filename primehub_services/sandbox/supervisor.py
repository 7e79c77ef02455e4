"""Runs one workload, and stays with it to its end: ``python -m primehub_services.sandbox.supervisor <folder>``.

One process for each workload, so it is small (standard library only) and single-threaded: the kernel ends a workload
when the thread that began it is gone, which is what makes ``kill -9`` of a supervisor take its workload along.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from primehub_services.sandbox import cgroups, processes, records
from primehub_services.sandbox.child import adopt_orphans, become
from primehub_services.sandbox.logfile import LogWriter
from primehub_services.sandbox.masking import MaskingWriter

START_TIMEOUT_S = 30.0
SAMPLE_S = 10.0
WATCH_S = 0.25


def _now() -> str:
    return datetime.now(UTC).isoformat()


class Supervisor:
    """The workload of one folder."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self.folder = folder
        self.plan = plan
        self.log = LogWriter(str(folder), plan["log_cap"])
        self.output = MaskingWriter(self.log, plan.pop("masked", ()))
        self.cgroup: cgroups.Cgroup | None = None
        self.main: processes.Process | None = None
        self.inner: processes.Process | None = None
        """The workload itself, behind pasta and bwrap."""
        self.init: processes.Process | None = None
        """PID 1 of the workload's PID namespace: its end ends all in it."""
        self.wait_status: int | None = None
        self.stop_at: float | None = None
        """When the grace period is over (monotonic); null while no stop is asked."""
        self.killed = False
        self.over_memory = False
        self.status: dict[str, Any] = {
            "key": plan["key"],
            "state": "starting",
            "labels": plan["labels"],
            "network": plan["network"],
            "sandboxed": plan["sandboxed"],
            "forward_in": plan["forward_in"],
            "limited_by": "",
        }
        self._output = self._wake = -1
        self._sampled: tuple[float, float] | None = None
        self._next_sample = 0.0

    # -- the start

    def begin(self) -> str:
        """Starts the workload. Returns an empty text, or what went wrong."""
        # before anybody is told that it runs: what is asked through the pipe waits in it
        self._wake = os.open(self.folder / records.WAKE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._limit()
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reader, False)
        self._output = reader
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            become(self.plan, self.cgroup, output=writer, supervisor=own)
        os.close(writer)
        self.main = processes.read(pid)
        self._save()
        ready = self.folder / records.LAUNCH / records.READY
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self._drain()
            self._reap()
            # the runner has said so: every step of making the sandbox went well
            if ready.stat().st_size:
                self._find_inner()
                self._forget_environment()
                self.status |= {"state": "running", "started_at": _now()}
                self._save()
                return ""
            if self.wait_status is not None:
                self._drain()
                return self._tail() or f"it ended with code {self._code()} before it began"
            time.sleep(0.01)
        self._kill_all()
        return f"its sandbox was not ready after {START_TIMEOUT_S:.0f} s. {self._tail()}"

    def _forget_environment(self) -> None:
        """What began it has been read; its environment, which may hold secrets, is on no disk while it runs."""
        for path in (self.folder / records.PLAN, self.folder / records.LAUNCH / "arguments"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _limit(self) -> None:
        limits = self.plan["limits"]
        cgroup = cgroups.make(self.plan["cgroup"]) if self.plan["cgroup"] else None
        if cgroup is not None:
            try:
                cgroup.limit(**limits)
                self.cgroup = cgroup
            except OSError:
                cgroup.remove()
        self.status["limited_by"] = "cgroup" if self.cgroup else "watchdog"

    def _find_inner(self) -> None:
        """Finds the workload behind pasta and bwrap: PID 2 of the innermost namespace, and PID 1 its parent."""
        assert self.main is not None
        if not self.plan["sandboxed"]:
            self.inner = self.main
            return
        everything = processes.table()
        below = {p.pid: p for p in processes.descendants(self.main.pid, everything)}
        below[self.main.pid] = everything.get(self.main.pid, self.main)
        wrappers = [p for p in below.values() if p.name == "bwrap"]
        for process in below.values():
            parent = below.get(process.parent)
            if process.name != "bwrap" and parent in wrappers and processes.inner_pid(process.pid) == 2:
                self.inner, self.init = process, parent
        self.status["pids"] = [list(p[:4]) for p in (self.init, self.main) if p is not None]

    # -- its life

    def run(self) -> None:
        """Stays until the workload is over, and records how it ended."""
        wake = self._wake
        signals, signals_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(signals_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._ask_to_stop(self.plan["grace_s"]))
        poller = select.poll()
        for handle in (wake, signals, self._output):
            poller.register(handle, select.POLLIN)
        self._reap()
        self._look_for_stop()
        while self.wait_status is None:
            for handle, event in poller.poll(self._timeout() * 1000):
                if handle == self._output:
                    if not self._drain() and event & select.POLLHUP:
                        poller.unregister(handle)
                else:
                    with contextlib.suppress(BlockingIOError):
                        data = os.read(handle, 4096)
                        if handle == wake:
                            self._hear(data)
            self.output.flush_due()
            self._look_for_stop()
            self._reap()
            self._watch()
        self._finish()

    def _timeout(self) -> float:
        waits = [WATCH_S if self.cgroup is None else max(0.0, self._next_sample - time.monotonic())]
        waits += [max(0.01, at - time.monotonic()) for at in (self.stop_at, self.output.due) if at is not None]
        return min(waits)

    def _drain(self) -> bool:
        """Takes what output there is, but not for ever: a workload may write faster than a disk."""
        for _ in range(64):
            try:
                data = os.read(self._output, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.output.write(data)
        return True

    def _reap(self) -> None:
        """Collects ended children: the workload's command, and what was orphaned to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.main is not None and pid == self.main.pid:
                self.wait_status = status

    def _hear(self, data: bytes) -> None:
        """A request to stop that came through the pipe: on a full disk it is in no file."""
        import json

        for line in data.splitlines():
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                self._ask_to_stop(json.loads(line).get("grace_s", self.plan["grace_s"]))

    def _look_for_stop(self) -> None:
        request = records.read(self.folder / records.STOP)
        if request is not None:
            self._ask_to_stop(request.get("grace_s", self.plan["grace_s"]))
        if self.stop_at is not None and time.monotonic() >= self.stop_at and not self.killed:
            self.killed = True
            self._kill_all()

    def _ask_to_stop(self, grace_s: float) -> None:
        if self.stop_at is not None:
            # a second request may shorten the grace period, never lengthen it
            self.stop_at = min(self.stop_at, time.monotonic() + grace_s)
            return
        self.stop_at = time.monotonic() + grace_s
        self.status["state"] = "stopping"
        self._save()
        if self.inner is not None:
            processes.kill(self.inner, signal.SIGTERM)
        else:
            self._kill_all()

    def _kill_all(self) -> None:
        if self.cgroup is not None:
            self.cgroup.unthrottle()
        if self.init is not None:
            processes.kill(self.init)
        elif self.main is not None:
            processes.kill(self.main)
            for process in processes.descendants(os.getpid(), processes.table()):
                processes.kill(process)

    def _watch(self) -> None:
        """Samples what is used; without control groups also ends what takes more memory or processes than it may."""
        now = time.monotonic()
        if self.wait_status is not None or (self.cgroup is not None and now < self._next_sample):
            return
        tree: list[processes.Process] = []
        if self.cgroup is None:
            tree = processes.descendants(os.getpid(), processes.table())
            self._enforce(tree)
        if now < self._next_sample:
            return
        self._next_sample = now + SAMPLE_S
        self._sample(now, tree)
        if self.cgroup is not None and self._bwrap_code() is not None:
            # the command is over, and what it left behind is still ending
            self.cgroup.unthrottle()

    def _enforce(self, tree: list[processes.Process]) -> None:
        limits = self.plan["limits"]
        memory = limits["memory"]
        if memory is not None and sum(p.resident for p in tree) > memory:
            # counted this way, shared pages count many times; look closer before ending anything
            if processes.proportional(p.pid for p in tree) > memory:
                self.over_memory = True
                self._kill_all()
        elif len(tree) > limits["pids"]:
            self.status["message"] = f"It had more than {limits['pids']} processes."
            self._kill_all()

    def _sample(self, now: float, tree: list[processes.Process]) -> None:
        seconds = self.cgroup.cpu_seconds() if self.cgroup else None
        if seconds is None:
            tree = tree or processes.descendants(os.getpid(), processes.table())
            seconds = sum(p.cpu_seconds for p in tree)
        memory = self.cgroup.memory() if self.cgroup else processes.proportional(p.pid for p in tree)
        self._note_usage(now, seconds, memory)
        self._save()

    def _last_sample(self) -> None:
        """What it took since the sample before, now that nothing of it runs; a short one has no other."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = self.cgroup.cpu_seconds() if self.cgroup else None
        if seconds is None:
            seconds = children.ru_utime + children.ru_stime
        self._note_usage(time.monotonic(), seconds, children.ru_maxrss * 1024)

    def _note_usage(self, now: float, seconds: float, memory: int) -> None:
        millicores = 0
        if self._sampled is not None and now > self._sampled[0]:
            millicores = max(0, round(1000 * (seconds - self._sampled[1]) / (now - self._sampled[0])))
        self._sampled = (now, seconds)
        self.status["usage"] = {"at": _now(), "cpu_seconds": round(seconds, 3), "cpu": millicores, "memory": memory}
        if self.cgroup:
            self.status["oom_kills"] = self.cgroup.oom_kills()

    # -- the end

    def _finish(self) -> None:
        # whatever it left behind without a sandbox is ours by now; inside one, the namespace's end was theirs
        for _ in range(100):
            left = processes.descendants(os.getpid(), processes.table())
            if not left:
                break
            for process in left:
                processes.kill(process)
            self._reap()
            time.sleep(0.01)
        if self.cgroup is not None:
            self.cgroup.kill()
        while self._drain():
            ready, _, _ = select.select([self._output], [], [], 0)
            if not ready:
                break
        self._last_sample()
        kills = self.cgroup.oom_kills() if self.cgroup else 0
        message = ""
        if self.cgroup is not None and self.cgroup.refused_processes():
            message = f"It wanted more than the {self.plan['limits']['pids']} processes that it may have."
        self.end(code=self._code(), reason=self._reason(kills), message=message, oom_kills=kills)

    def _code(self) -> int:
        inside = self._bwrap_code()
        if inside is not None:
            return inside
        code = os.waitstatus_to_exitcode(self.wait_status or 0)
        return 128 - code if code < 0 else code

    def _bwrap_code(self) -> int | None:
        """The workload's own exit code, as bwrap saw it."""
        import json

        with contextlib.suppress(OSError, ValueError):
            for line in (self.folder / records.LAUNCH / "bwrap.json").read_text().splitlines():
                value = json.loads(line)
                if "exit-code" in value:
                    return int(value["exit-code"])
        return None

    def _reason(self, oom_kills: int) -> str:
        if self.over_memory:
            return "OOMKilled"
        if self.killed:
            return "Killed"
        if self.stop_at is not None:
            return "Stopped"
        if self._code() == 0:
            return "Completed"
        return "OOMKilled" if oom_kills else "Error"

    def end(self, *, code: int | None, reason: str, message: str = "", oom_kills: int = 0) -> None:
        """Records the end, and removes what only the living need."""
        self.output.flush()
        if self.log.lost:
            message += f" {self.log.lost} bytes of output could not be written: the disk was full."
        status = {**self.status, "state": "exited", "code": code, "reason": reason, "ended_at": _now()}
        status["message"] = (message.strip() or self.status.get("message", ""))[:1500]
        status["oom_kills"] = oom_kills
        status.pop("pids", None)
        records.write_end(self.folder, status)
        self.status = status
        if self.cgroup is not None:
            self.cgroup.remove()
        for name in (records.PLAN, records.WAKE, records.STATUS):
            with contextlib.suppress(OSError):
                (self.folder / name).unlink()
        records.remove_tree(self.folder / records.LAUNCH)

    def _save(self) -> None:
        # a full disk must not end a workload; the record of its end has its space already
        with contextlib.suppress(OSError):
            records.write(self.folder / records.STATUS, self.status)

    def _tail(self) -> str:
        from primehub_services.sandbox import logfile

        self.output.flush()
        return logfile.read(self.folder, -1000, 1000)[0].decode(errors="replace").strip()


def supervise(folder: Path, reply: int) -> None:
    """Takes the folder's lock, runs its workload, and tells over ``reply`` (JSON, one line) whether it began."""
    import json

    def answer(error: str) -> None:
        with contextlib.suppress(OSError):
            os.write(reply, json.dumps({"error": error}).encode() + b"\n")
        os.close(reply)

    # a look at the lock by someone else takes a moment; a living supervisor holds it for good
    held = records.lock(folder / records.LOCK, wait_s=2)
    if held is None or records.read(folder / records.END) is not None:
        answer("")
        return
    plan = records.read(folder / records.PLAN)
    if plan is None or records.read(folder / records.STATUS) is not None:
        # an earlier supervisor began it and died: whoever looks finds it lost; it never runs twice
        answer("it was started before")
        return
    supervisor = Supervisor(folder, plan)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    adopt_orphans()
    try:
        if records.read(folder / records.STOP) is not None:
            supervisor.end(code=None, reason="Stopped", message="It was stopped before it began.")
            answer("")
            return
        error = supervisor.begin()
    except OSError as problem:
        error = str(problem)
    if error:
        supervisor.end(code=None, reason="StartError", message=error)
        answer(error)
        return
    answer("")
    supervisor.run()


def main() -> None:
    """Leaves the caller's session for good, then supervises."""
    folder = Path(sys.argv[1])
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    reply = os.dup(1)
    os.set_inheritable(reply, False)
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1):
        os.dup2(nothing, number)
    supervise(folder, reply)


if __name__ == "__main__":
    main()
