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
    kept.append(bytearray(1_500_000))
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
    """Start what ends and what goes on, beside each other, and wait for what the pictures show."""
    submit(world, "bo", "cpu-tiny", "resize-all-images", GREEDY)
    # the claims first: jobs wait for room, notebooks are refused
    starts = [notebook(world, who, size) for who, size in (("ann", "cpu-1"), ("bo", "cpu-4"), ("eli", "cpu-1"))]
    world.ids["past"] = notebook(world, "chen")
    script = _training(world)
    ended = {
        "succeeded": submit(world, "ann", "cpu-4", "train defect-detector", script.format(12, 0.4)),
        "failed": submit(world, "ann", "cpu-1", "prepare 2026-11-27", FAILS),
        "other": submit(world, "chen", "cpu-1", "evaluate baseline", script.format(4, 0.2)),
        "notebook": _notebook_job(world),
    }
    world.ids |= ended
    runs = _schedules(world)
    cancelled = submit(world, "dana", "cpu-1", "export to ONNX", "sleep 600")
    for start in (*starts, world.ids["past"]):
        _soon(world, f"/notebooks/{start}", "ready_at")
    world.call("chen", "DELETE", f"/notebooks/{world.ids['past']}")
    for job in (*ended.values(), *runs):
        _soon(world, f"/jobs/{job}", "ended_at")
    _soon(world, f"/jobs/{cancelled}", "started_at")
    world.call("dana", "POST", f"/jobs/{cancelled}/cancel")
    _soon(world, f"/jobs/{cancelled}", "ended_at")
    _soon(world, f"/notebooks/{world.ids['past']}", "ended_at")
    _now(world, script)


def _now(world: World, script: str) -> None:
    """What runs and what waits in the pictures."""
    world.ids["running"] = submit(world, "ann", "cpu-1", "train defect-detector v2", script.format(400, 3) + " 1.4")
    submit(world, "bo", "cpu-4", "augment line 2", "sleep 3600")
    submit(world, "fatima", "cpu-8", "align batch 12", "sleep 3600", group="genomics")
    log = f"/jobs/{world.ids['running']}/log"
    wait_for(
        lambda: "epoch  2" in world.call("ann", "GET", log)["text"], 90, what="it has printed a few lines", every=0.5
    )
    world.ids["waiting"] = submit(world, "chen", "cpu-8", "sweep learning rates", script.format(30, 1))
    submit(world, "dana", "cpu-4", "export to ONNX", script.format(20, 1))
    for image in ("image", "broken image"):
        built = lambda i=image: world.call("admin", "GET", f"/images/{world.ids[i]}")["phase"] in ("READY", "FAILED")  # noqa: E731
        wait_for(built, 240, what=f"the {image} has been made", every=0.5)


def _soon(world: World, path: str, moment: str) -> None:
    """Wait until it has this moment. Asked twice a second: oftener, the asking would be what takes the time."""
    wait_for(lambda: world.call("admin", "GET", path)[moment], 180, what=f"{path} has {moment}", every=0.5)


def submit(world: World, who: str, size: str, name: str, command: str, group: str = GROUP) -> str:
    """The id of a new job."""
    body = {**_job(size, name), "group": group, "image": world.image, "command": command, "timeout": 14_400}
    return str(world.call(who, "POST", "/jobs", body)["id"])


def notebook(world: World, who: str, size: str = "cpu-1") -> str:
    """The id of a notebook that is starting."""
    body = {"group": PEOPLES_GROUP.get(who, GROUP), "instance_type": size, "image": world.image}
    return str(world.call(who, "POST", "/notebooks", body)["id"])


PEOPLES_GROUP = {"eli": "forecasting"}


def _job(size: str, name: str) -> dict[str, Any]:
    return {"group": GROUP, "instance_type": size, "name": name}


def _training(world: World) -> str:
    """A command that trains; ``{}`` are how many epochs, and seconds of each."""
    project = world.platform.data / "projects" / GROUP
    wait_for(project.is_dir, 90, what="the first job has made the group's folder", every=0.1)
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


def _schedules(world: World) -> tuple[str, str]:
    """One that runs now, one that has not yet, one that runs and is paused; the two jobs."""
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
    first, second = (
        world.call(who, "POST", f"/schedules/{world.ids[name]}/run")["id"] for who, name, *_ in (plans[0], plans[2])
    )
    world.ids["evaluated"] = first
    made = world.call("bo", "GET", f"/schedules/{world.ids['check new images']}")
    world.call("bo", "PATCH", f"/schedules/{made['id']}", {"version": made["version"], "paused": True})
    return first, second
