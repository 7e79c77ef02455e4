"""The sidecar of a workload: asks for the permit to begin, then sends what the workload writes, to its last byte.

The workload's shell waits for the file ``permit``, writes its output to ``log`` and in the end its exit code to ``exit``.
What it is given is put into ``FILES`` before. A cluster ends a sidecar after the workload, with SIGTERM, and starts one
anew that ends by itself: so, when all is done, this one waits to be ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .api import Api, Over, Refused
from .files import Files, Limits
from .output import Output

RUN = "/opt/primehub-run"
FILES = "/opt/primehub"
HOME = "/home/jovyan"
LOOK_S = 0.1
BETWEEN_S = 0.4
"""Between two pieces of output, so that many chatty workloads do not keep the platform busy."""
SMALL_FILES_EVERY_S = 1.0
FILES_EVERY_S = 5.0
FILES_SHARE = 20.0
"""Looking at files takes at most one part in so many of the time."""


class Sidecar:
    """Of one workload; ``environ`` says of which."""

    def __init__(
        self, environ: Mapping[str, str], *, run: str = RUN, files: str = FILES, home: str = HOME, root: str = HOME
    ) -> None:
        self._environ = environ
        self._run = run
        self._inputs = files
        self._home = home
        self._root = root
        self._asked = threading.Event()
        """The workload has ended, as the cluster says: there is no time to lose."""
        self._ended = threading.Event()
        self._api = self._connected()

    def _connected(self) -> Api:
        env = self._environ
        return Api(
            env["PRIMEHUB_API"],
            env["PRIMEHUB_WORKLOAD"],
            env["PRIMEHUB_POD"],
            env["PRIMEHUB_WORKLOAD_TOKEN"],
            self._asked,
        )

    def main(self) -> None:
        """Until it is ended."""
        # waited for by this thread alone: a handler could come in the middle of anything
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        work = threading.Thread(target=self._work_or_die, daemon=True)
        work.start()
        signal.sigwait({signal.SIGTERM})
        self._asked.set()
        work.join()

    def _work_or_die(self) -> None:
        try:
            if not self._is("done"):
                self._work_until_over()
        except BaseException:
            traceback.print_exc()
            os._exit(1)  # the cluster starts it anew, and it goes on where it was

    def _work_until_over(self) -> None:
        try:
            self._work()
        except Over as over:
            # nobody may go on who is not the one: whatever runs here is ended
            self._put("refused" if over.refused else "stop", f"{over}\n")
            say(str(over))
        self._put("done", "")

    def _work(self) -> None:
        permit = self._api.json("POST", "/permit", {"pod": self._environ["PRIMEHUB_POD"]})
        for name in permit["inputs"]:
            self._fetch(name)
        self._make_log()
        self._put("permit", "")
        limits = Limits(size=permit["limits"]["size"], files=permit["limits"]["files"])
        keeper = _Keeper(Files(self._home, self._root, self._connected(), limits), self._ended)
        keeper.start()
        masked = json.loads(self._environ.get("PRIMEHUB_MASKED") or "[]")
        output = Output(f"{self._run}/log", f"{self._run}/sent.json", masked, self._send)
        while not self._over():
            found = output.look()
            self._asked.wait(BETWEEN_S if found else LOOK_S)
        code, killed = self._code()
        output.finish()
        self._ended.set()
        keeper.join()
        if keeper.over is not None:
            raise keeper.over
        times = {"began_at": self._moment("began"), "ended_at": self._moment("exit") or datetime.now(UTC).isoformat()}
        self._api.json("PUT", "/end", {"code": code, "killed": killed} | times | keeper.left_out())

    def _make_log(self) -> None:
        """The file for the output, so that it can be written here too: its disk is given back behind what was sent.
        The workload may be another user; both are in the group that the folder is for."""
        try:
            handle = os.open(f"{self._run}/log", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC)
        except FileExistsError:  # this one was started anew
            return
        os.fchmod(handle, 0o660)
        os.close(handle)

    def _fetch(self, name: str) -> None:
        target = os.path.join(self._inputs, name)
        self._api.fetch(f"/inputs/{name}", f"{target}.new")
        os.chmod(f"{target}.new", 0o444)
        os.replace(f"{target}.new", target)

    def _send(self, offset: int, piece: bytes) -> None:
        with contextlib.suppress(Refused):
            self._api.send("PUT", f"/log?offset={offset}", piece)

    def _over(self) -> bool:
        return self._asked.is_set() or self._is("exit")

    def _code(self) -> tuple[int | None, bool]:
        """The exit code, where the workload's shell lived to write it down, and whether it used force."""
        with contextlib.suppress(OSError, ValueError):
            with open(f"{self._run}/exit", encoding="ascii") as file:
                code, _, word = file.read(100).strip().partition(" ")
            return max(0, min(int(code), 255)), word == "killed"
        return None, False

    def _moment(self, name: str) -> str | None:
        """When a file was written; None where it was not."""
        try:
            seconds = os.stat(f"{self._run}/{name}").st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    def _is(self, name: str) -> bool:
        return os.path.exists(f"{self._run}/{name}")

    def _put(self, name: str, text: str) -> None:
        with open(f"{self._run}/{name}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{self._run}/{name}.new", f"{self._run}/{name}")


class _Keeper(threading.Thread):
    """Sends files on the side, so that a large one holds up no output."""

    def __init__(self, files: Files, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._files = files
        self._ended = ended
        self.over: Over | None = None

    def run(self) -> None:
        try:
            self._follow()
            self._files.look_at_small()
            self._files.look(final=True)
        except Over as over:
            self.over = over
        except Exception as error:  # output and exit code are told all the same
            say(f"files cannot be kept: {error!r}")

    def _follow(self) -> None:
        due = time.monotonic() + SMALL_FILES_EVERY_S
        while not self._ended.wait(SMALL_FILES_EVERY_S):
            self._files.look_at_small()
            began = time.monotonic()
            if began >= due:
                self._files.look()
                took = time.monotonic() - began
                due = began + max(FILES_EVERY_S, FILES_SHARE * took)

    def left_out(self) -> dict[str, Any]:
        """What is to be said of what was not kept."""
        named = [{"path": path, "reason": reason} for path, reason in self._files.left_out.named]
        return {"left_out": named, "left_out_count": self._files.left_out.count}


def say(text: str) -> None:
    """For the cluster's own log of this container; never a secret."""
    print(f"primehub: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    Sidecar(os.environ).main()
