"""Time from a job's print to its line in the event stream, and the throughput of one job that prints as fast as it can.

Starts a platform of its own and submits jobs to it as a person does. The lines carry the time at which they were
printed; the stream's reader is on the same machine, so that one clock counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import datetime
from typing import Any

from tests.support import environment
from tests.support.live_output import stream
from tests.support.platform import Platform, running_platform

PRINT = "import time\nfor _ in range({count}):\n    print(time.time())\n    time.sleep({pause})"
FLOOD = "import sys\nblock = b'x' * 1023 + b'\\n'\nfor _ in range({mb} * 1024): sys.stdout.buffer.write(block)"
SECRETS = (0, 1, 10)
DONE = ("SUCCEEDED", "FAILED", "CANCELLED")


def main() -> None:
    """Prints both figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.job_log", description=__doc__)
    parser.add_argument("--lines", type=int, default=200, help="that are printed, one after another")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two of them")
    parser.add_argument("--mb", type=int, default=1024, help="MiB that are printed as fast as possible")
    options = parser.parse_args()
    prefix = environment.built()
    with running_platform() as platform:
        image = platform.add_image(prefix)
        group = platform.call("GET", "/groups")["items"][0]["slug"]
        kind = platform.call("GET", "/instance-types")["items"][0]["slug"]
        of = {"group": group, "instance_type": kind, "image": image}
        _latency(platform, of, options.lines, options.pause)
        for count in SECRETS:
            _throughput(platform, of, options.mb, count)


def _submit(platform: Platform, of: dict[str, str], command: str, **more: Any) -> str:
    return str(platform.call("POST", "/jobs", {**of, "command": command, **more}, status=201)["id"])


def _python(program: str) -> str:
    return f"python - <<'END'\n{program}\nEND"


def _latency(platform: Platform, of: dict[str, str], lines: int, pause: float) -> None:
    job = _submit(platform, of, _python(PRINT.format(count=lines, pause=pause)))
    waits, rest = [], ""
    for seen in stream(platform, platform.admin_token, job):
        *whole, rest = (rest + seen.text).split("\n")
        waits += [seen.at - float(line) for line in whole if line]
    waits.sort()
    print(
        f"{len(waits)} of {lines} lines, print to visible: "
        f"p50 {statistics.median(waits):.3f} s, p99 {waits[int(len(waits) * 0.99)]:.3f} s, most {waits[-1]:.3f} s"
    )


def _throughput(platform: Platform, of: dict[str, str], mb: int, secrets: int) -> None:
    names = [_secret(platform, f"s{secrets}-{number}") for number in range(secrets)]
    given = {f"SECRET_{number}": name for number, name in enumerate(names)}
    job = _submit(platform, of, _python(FLOOD.format(mb=mb)), secrets=given)
    while (found := platform.call("GET", f"/jobs/{job}"))["phase"] not in DONE:
        time.sleep(0.5)
    attempt = found["attempts"][-1]
    took = _seconds(attempt["ended_at"]) - _seconds(attempt["started_at"])
    size = platform.call("GET", f"/jobs/{job}/log?limit=1")["size"]
    print(f"{found['phase']}: {size / 2**20:.0f} MiB with {secrets} secrets masked: {size / 2**20 / took:.0f} MiB/s")


def _secret(platform: Platform, name: str) -> str:
    body = {"name": name, "kind": "env", "value": f"hunter2-{name}-correct-horse"}
    return str(platform.call("POST", "/secrets", body)["name"])


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


if __name__ == "__main__":
    main()
