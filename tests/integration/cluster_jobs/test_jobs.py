"""A job from its submit to what is left of it, through the real services process and on a real cluster."""

from __future__ import annotations

import pytest

from tests.support.names import unique

from .platform import OVER, UID, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("over")]


async def test_a_job_runs_its_log_and_files_outlive_its_pod(bench: Bench) -> None:
    job = await bench.submit("echo hello from $HOSTNAME; echo 42 >artifacts/answer.txt; pwd")
    done = await bench.until(job, *OVER)
    assert (done["phase"], done["exit_code"], done["message"]) == ("SUCCEEDED", 0, "Job completed")
    assert "hello from job-" in await bench.log(job)
    assert "/home/jovyan" in await bench.log(job)
    found = (await bench.person.ask("GET", f"/jobs/{job}/artifacts")).json()
    assert [(file["path"], file["size"]) for file in found["items"]] == [("answer.txt", 3)]
    assert (await bench.person.ask("GET", f"/jobs/{job}/artifacts/answer.txt")).text == "42\n"
    await bench.dropped()


async def test_an_image_without_anything_of_ours_that_nobody_may_write_to_will_do(bench: Bench) -> None:
    job = await bench.submit("id -u; touch /opt/mine || touch mine artifacts/mine /tmp/mine && echo only at home")
    done = await bench.until(job, *OVER)
    assert done["phase"] == "SUCCEEDED", done
    told = await bench.log(job)
    assert told.startswith(f"{UID}\n")
    assert "Read-only file system\n" in told
    assert told.endswith("only at home\n")


async def test_a_failure_has_its_code_and_output_is_seen_while_it_runs(bench: Bench) -> None:
    job = await bench.submit("echo begun; while [ ! -e /home/jovyan/go ]; do sleep 0.2; done; exit 3", timeout=6)
    await bench.prints(job, "begun")
    assert (await bench.job(job))["phase"] in ("PREPARING", "RUNNING")
    done = await bench.until(job, *OVER)
    assert (done["phase"], done["reason"]) == ("FAILED", "Timeout")


async def test_an_image_that_is_not_there_ends_the_job_with_that_reason(bench: Bench) -> None:
    url = (await bench.admin.ask("GET", "/images/plain")).json()["source"]["url"]
    missing = unique("missing")
    await bench.image(missing, f"{url.rpartition(':')[0]}:no-such-tag")
    job = await bench.submit("true", image=missing)
    done = await bench.until(job, *OVER)
    assert (done["phase"], done["reason"]) == ("FAILED", "ImageUnavailable")
    assert "not in its registry" in done["message"]
