"""Names as people give them: each its own folders, claims and labels, whatever two have in common, and read as they were given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.installed import Installed
from tests.support.platform import PASSWORD, STARTS_IN, Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]
PERSON = ("0" + "_-.@" * 16)[:62] + "z"
LIKE_PERSON = PERSON.replace("_", ".")
"""Whom nobody could tell from the first."""
DISPLAYED = "Ж́ Ann ﷽ O'Neill <b>&amp; {name} $(HOME) \\ %s 人 " + "é" * 40
GROUPS = ("x" * 63, "Ünïcode_Grüppe", "データ科学", "team_a", "team-a", "Team.A", "TEAM-A", "ΣΑΣ", "σας")
"""Upper case, other scripts, 63 characters, and some that normalize alike."""
VOLUMES = ("team_a", "Team-A", "データ科学", "V" * 63)
WRITE = "import json, pathlib; [pathlib.Path(p, 'whose').write_text(p) for p in {paths!r}]; print(json.dumps(1))"


@pytest.fixture(scope="module")
def groups(installed: Installed) -> dict[str, str]:
    """The groups' slugs by their names; all of them have a folder, which is seen in the others too."""
    body = {"user_quota": {"cpu": 16}, "launch_group_only": False}
    made = [installed.call("POST", "/groups", {"name": name, **body}) for name in GROUPS]
    assert [group["name"] for group in made] == list(GROUPS)
    return {group["name"]: group["slug"] for group in made}


@pytest.fixture(scope="module")
def volumes(installed: Installed, groups: dict[str, str]) -> dict[str, str]:
    """The volumes' slugs by their names; the first group may write to them."""
    given = [{"group": groups[GROUPS[0]], "writable": True}]
    bodies = [{"name": name, "source": {"type": "pvc"}, "groups": given} for name in VOLUMES]
    return {made["name"]: made["slug"] for made in (installed.call("POST", "/volumes", body) for body in bodies)}


@pytest.fixture(scope="module")
def person(installed: Installed, lab: Lab, groups: dict[str, str]) -> Jobs:
    """Who is in all the groups."""
    body = {"name": PERSON, "display_name": DISPLAYED, "groups": list(groups.values())}
    made = installed.call("POST", "/users", body)
    installed.redeem(made["token"], PASSWORD).close()
    token = installed.token(PERSON, PASSWORD)
    return Jobs(installed, Lab(groups[GROUPS[0]], lab.instance_type, lab.image, PERSON, token))


def test_no_two_share_a_slug_and_whom_nobody_could_tell_apart_is_refused(
    installed: Installed, person: Jobs, groups: dict[str, str], volumes: dict[str, str]
) -> None:
    assert len(set(groups.values())) == len(GROUPS)
    assert len(set(volumes.values())) == len(VOLUMES)
    me = person.call("GET", "/me")
    assert (me["name"], me["display_name"]) == (PERSON, DISPLAYED)
    assert {group["name"] for group in me["groups"]} == set(GROUPS)
    headers = {"Authorization": f"token {installed.admin_token}"}
    answer = httpx.post(
        f"{installed.api}/users", json={"name": LIKE_PERSON}, headers=headers, trust_env=False, timeout=30
    )
    assert answer.status_code == 422, answer.text
    assert "differs from a name that is taken only by" in answer.json()["errors"][0]["message"]


@pytest.fixture
def over(installed: Installed, person: Jobs) -> Iterator[None]:
    """No notebook of the person's is left to a second try."""
    yield
    installed.end_notebooks(PERSON)


@pytest.mark.usefixtures("over")
def test_a_notebook_and_jobs_of_all_of_them_meet_their_own_folders_alone(
    installed: Installed, person: Jobs, groups: dict[str, str], volumes: dict[str, str]
) -> None:
    asked = person.call("POST", "/notebooks", person.lab.launch)

    def running() -> Any:
        now = person.call("GET", f"/notebooks/{asked['id']}")
        assert now["phase"] in ("STARTING", "RUNNING"), f"{now}\n{installed.state_of_pods()}"
        return now if now["phase"] == "RUNNING" else None

    notebook = wait_for(running, STARTS_IN, what="the notebook runs")
    assert notebook["left_out"] == []
    page = httpx.get(
        installed.url + notebook["url"],
        headers={"Authorization": f"token {person.lab.token}"},
        trust_env=False,
        timeout=30,
    )
    assert page.status_code == 200
    paths = [f"/project/{slug}" for slug in groups.values()] + [f"/datasets/{slug}" for slug in volumes.values()]
    installed.inside(installed.pod_of("notebook", start=asked["id"]), WRITE.format(paths=paths))
    everything = f"cat {' '.join(f'{path}/whose' for path in paths)}; echo $GROUP_NAME"
    ids = [
        person.submit(
            everything if name == GROUPS[0] else f"cat /project/{slug}/whose; echo; echo $GROUP_NAME", group=slug
        )
        for name, slug in groups.items()
    ]
    for job, (name, slug) in zip(ids, groups.items(), strict=True):
        ended = person.ended(job)
        assert ended["phase"] == "SUCCEEDED", ended
        expected = "".join(paths) if name == GROUPS[0] else f"/project/{slug}\n"
        assert person.log(job) == f"{expected}{name}\n"


def test_every_claim_is_one_things_own(
    installed: Installed, person: Jobs, groups: dict[str, str], volumes: dict[str, str]
) -> None:
    claims = json.loads(installed.kubectl("get", "pvc", "-o", "json"))["items"]
    labelled = [
        (word, claim["metadata"]["labels"][f"primehub.io/{word}"])
        for claim in claims
        for word in ("user", "group", "volume")
        if f"primehub.io/{word}" in claim["metadata"].get("labels", {})
    ]
    assert len(set(labelled)) == len(labelled)
    assert {slug for word, slug in labelled if word == "group"} >= set(groups.values())
    assert {slug for word, slug in labelled if word == "volume"} >= set(volumes.values())
    volumes_behind = [claim["spec"]["volumeName"] for claim in claims]
    assert len(set(volumes_behind)) == len(volumes_behind)
