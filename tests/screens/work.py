"""What people do there: jobs in every state with logs, files and charts, recurring jobs, notebooks that run and that ended."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.support.waiting import wait_for

from .world import GROUP, World

TRAIN = r"""
import json, math, os, random, struct, sys, time, zlib

epochs, pause = int(sys.argv[1]), float(sys.argv[2])
random.seed(7)
print("device: cpu, 4 threads; 48,210 images in 12 classes", flush=True)
os.makedirs("artifacts/checkpoints", exist_ok=True)
kept, rows = [b"x" * int(float(sys.argv[3]) * 2**30)] if len(sys.argv) > 3 else [], []
for epoch in range(1, epochs + 1):
    loss = 1.9 * math.exp(-epoch / 7) + 0.12 + random.random() * 0.05
    accuracy = 0.97 - 0.55 * math.exp(-epoch / 6) + random.random() * 0.01
    rows.append((epoch, loss, accuracy))
    kept.append(bytearray(6_000_000))
    print(f"epoch {epoch:2}/{epochs}  loss {loss:.4f}  val_loss {loss * 1.08:.4f}  val_accuracy {accuracy:.3f}", flush=True)
    if epoch % 5 == 0:
        open(f"artifacts/checkpoints/epoch-{epoch:02}.json", "w").write(json.dumps({"epoch": epoch, "loss": loss}))
    end = time.monotonic() + pause
    while time.monotonic() < end:
        busy = time.monotonic() + 0.03
        while time.monotonic() < busy:
            pass
        time.sleep(0.04)
with open("artifacts/metrics.csv", "w") as file:
    file.write("epoch,loss,val_accuracy\n")
    file.writelines(f"{e},{l:.4f},{a:.4f}\n" for e, l, a in rows)
open("artifacts/report.md", "w").write(
    f"# Defect detector, line 2\n\nTrained for {epochs} epochs on 48,210 images.\n\n- final loss {rows[-1][1]:.4f}\n"
    f"- accuracy on what it has not seen {rows[-1][2]:.3f}\n")
print("kept the best of", epochs, "in artifacts/checkpoints", flush=True)
"""
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Weekly defect report\nLine 2, per class."},
        {"cell_type": "code", "id": "b", "metadata": {"tags": ["parameters"]}, "source": "week = 47\nline = 2",
         "execution_count": None, "outputs": []},
        {"cell_type": "code", "id": "c", "metadata": {}, "execution_count": None, "outputs": [],
         "source": "found = {'scratch': 41, 'dent': 17, 'stain': 9}\nprint(f'line {line}, week {week}')\nfound"},
        {"cell_type": "code", "id": "d", "metadata": {}, "execution_count": None, "outputs": [],
         "source": "for name, count in found.items():\n    print(f'{name:<8} {\"#\" * count} {count}')"},
    ],
}  # fmt: skip
FAILS = """python -c "
import sys
print('reading /datasets/line-2-images/2026-11-27')
print('Traceback (most recent call last):', file=sys.stderr)
print('  File \\"prepare.py\\", line 38, in <module>', file=sys.stderr)
print('FileNotFoundError: no index.json in 2026-11-27', file=sys.stderr)
sys.exit(3)"
"""
GREEDY = "python -c \"kept = [bytearray(b'x' * 40_000_000) for _ in range(40)]\""


def make(world: World) -> None:
    """Start what ends, wait for it, then start what goes on."""
    greedy = submit(world, "bo", "cpu-tiny", "resize-all-images", GREEDY)
    wait_for(lambda: world.call("admin", "GET", f"/jobs/{greedy}")["ended_at"], 90, what="it has run out of memory")
    script = _training(world)
    ended = {
        "succeeded": submit(world, "ann", "cpu-4", "train defect-detector", script.format(12, 0.4)),
        "failed": submit(world, "ann", "cpu-1", "prepare 2026-11-27", FAILS),
        "other": submit(world, "chen", "cpu-1", "evaluate baseline", script.format(4, 0.2)),
        "notebook": _notebook_job(world),
    }
    for job in ended.values():
        wait_for(lambda j=job: world.call("admin", "GET", f"/jobs/{j}")["ended_at"], 180, what=f"{job} has ended")
    cancelled = submit(world, "dana", "cpu-1", "export to ONNX", "sleep 600")
    until(world, cancelled, "RUNNING")
    world.call("dana", "POST", f"/jobs/{cancelled}/cancel")
    world.ids |= ended
    _schedules(world)
    for who, size, lasts in (("ann", "cpu-1", 1), ("bo", "cpu-4", 3), ("eli", "cpu-1", 1)):
        for number in range(lasts):
            start = notebook(world, who, size)
            if number + 1 < lasts:
                world.call(who, "DELETE", f"/notebooks/{start}")
                gone(world, start)
    world.ids["past"] = _past(world, "chen")
    world.ids["running"] = submit(world, "ann", "cpu-1", "train defect-detector v2", script.format(400, 3) + " 1.4")
    submit(world, "bo", "cpu-4", "augment line 2", "sleep 3600")
    submit(world, "fatima", "cpu-8", "align batch 12", "sleep 3600", group="genomics")
    log = f"/jobs/{world.ids['running']}/log"
    wait_for(lambda: "epoch  4" in world.call("ann", "GET", log)["text"], 90, what="it has printed a few lines")
    world.ids["waiting"] = submit(world, "chen", "cpu-8", "sweep learning rates", script.format(30, 1))
    submit(world, "dana", "cpu-4", "export to ONNX", script.format(20, 1))


def submit(world: World, who: str, size: str, name: str, command: str, group: str = GROUP) -> str:
    """The id of a new job."""
    body = {**_job(size, name), "group": group, "image": world.image, "command": command, "timeout": 14_400}
    return str(world.call(who, "POST", "/jobs", body)["id"])


def until(world: World, job: str, phase: str) -> None:
    """Wait until it is in this phase."""
    wait_for(lambda: world.call("admin", "GET", f"/jobs/{job}")["phase"] == phase, 90, what=f"{job} is {phase}")


def notebook(world: World, who: str, size: str = "cpu-1") -> str:
    """The id of a notebook that is ready."""
    group = PEOPLES_GROUP.get(who, GROUP)
    body = {"group": group, "instance_type": size, "image": world.image}
    start = str(world.call(who, "POST", "/notebooks", body)["id"])
    ready = lambda: world.call(who, "GET", f"/notebooks/{start}")["phase"] == "RUNNING"  # noqa: E731
    wait_for(ready, 120, what=f"the notebook of {who} runs")
    return start


PEOPLES_GROUP = {"eli": "forecasting"}


def gone(world: World, start: str) -> None:
    """Wait for a notebook's end."""
    wait_for(lambda: world.call("admin", "GET", f"/notebooks/{start}")["ended_at"], 60, what="the notebook has ended")


def _past(world: World, who: str) -> str:
    start = notebook(world, who)
    world.call(who, "DELETE", f"/notebooks/{start}")
    gone(world, start)
    return start


def _job(size: str, name: str) -> dict[str, Any]:
    return {"group": GROUP, "instance_type": size, "name": name}


def _training(world: World) -> str:
    """A command that trains; ``{}`` are how many epochs, and seconds of each."""
    project = world.platform.data / "projects" / GROUP  # made by the first job
    (project / "train.py").write_text(TRAIN)
    return f"python /project/{GROUP}/train.py {{}} {{}}"


def _notebook_job(world: World) -> str:
    headers = {"Authorization": f"token {world.tokens['ann']}", "Content-Type": "application/x-ipynb+json"}
    params = {"group": GROUP, "name": "defect-report.ipynb"}
    answer = httpx.post(
        f"{world.platform.api}/snapshots", params=params, content=json.dumps(NOTEBOOK), headers=headers, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    run = {"snapshot": answer.json()["id"], "path": "defect-report.ipynb", "parameters": {"week": 48, "line": 2}}
    body = {**_job("cpu-1", "defect-report"), "image": world.image, "notebook": run}
    return str(world.call("ann", "POST", "/jobs", body)["id"])


def _schedules(world: World) -> None:
    """One that has run, one that has not yet, one that is paused."""
    script = _training(world)
    plans = (
        ("ann", "nightly evaluation", "30 2 * * *", "Europe/Berlin", script.format(3, 0.1)),
        ("chen", "weekly retraining", "0 5 * * 1", "Europe/Berlin", script.format(10, 0.5)),
        ("bo", "check new images", "*/30 6-20 * * 1-5", "UTC", FAILS),
    )
    for who, name, cron, zone, command in plans:
        job = {**_job("cpu-1", name), "image": world.image, "command": command}
        made = world.call(who, "POST", "/schedules", {"name": name, "cron": cron, "timezone": zone, "job": job})
        world.ids[name] = made["id"]
    runs = [world.call(who, "POST", f"/schedules/{world.ids[name]}/run") for who, name, *_ in (plans[0], plans[2])]
    world.ids["evaluated"] = runs[0]["id"]
    for run in runs:
        wait_for(lambda r=run: world.call("admin", "GET", f"/jobs/{r['id']}")["ended_at"], 90, what="it has run")
    made = world.call("bo", "GET", f"/schedules/{world.ids['check new images']}")
    change = {"version": made["version"], "paused": True}
    world.call("bo", "PATCH", f"/schedules/{made['id']}", change)
