"""The forms of admins, with every field filled in: what the API has afterwards, and that the form opens with it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.portal_steps import ROOT, SOON, signed_in
from tests.support.names import unique
from tests.support.platform import ADMIN, Platform
from tests.support.shell_notebook import shell_environment

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e]
GROUP = "drawing-office"
SAVED = "Everything here is saved"
SAID = {"Display name": "On paper", "Description": "Drawn before it is built."}
"""What every thing of a catalogue can be called and said to be."""
SPOKEN = {"display_name": "On paper", "description": "Drawn before it is built."}
"""The same, as the API says it."""
NOWHERE = "https://127.0.0.1:1/team/plans.git"
"""A repository that nobody serves."""


@pytest.fixture(scope="module")
def page(browser: Browser, platform: Platform) -> Iterator[Page]:
    """An administrator's."""
    platform.call("POST", "/groups", {"name": GROUP})
    context = signed_in(browser, platform, ADMIN)
    yield context.new_page()
    context.close()
    platform.call("DELETE", f"/groups/{GROUP}")


def field(page: Page, label: str) -> Locator:
    """By its label, whether or not that says that it may be left empty."""
    return page.get_by_label(re.compile(rf"^{re.escape(label)}( \(optional\))?$"))


def filled(page: Page, values: dict[str, str]) -> None:
    for label, value in values.items():
        field(page, label).fill(value)


def holds(page: Page, values: dict[str, str]) -> None:
    """See that a form which is there for what exists has these values."""
    expect(page.get_by_text(SAVED)).to_be_visible(timeout=SOON)
    for label, value in values.items():
        expect(field(page, label), label).to_have_value(value)


def picked(page: Page, label: str, option: str) -> None:
    """Of a short list."""
    page.get_by_label(label, exact=True).press("Enter")
    page.locator(".ant-select-dropdown:visible").get_by_title(option, exact=True).click()


def grouped(page: Page) -> None:
    """For one group of all."""
    everybody = page.get_by_role("switch", name="All groups")
    if everybody.count() and everybody.is_checked():
        everybody.click()
    page.get_by_label("Groups", exact=True).fill(GROUP)
    page.locator(".ant-select-item-option:visible").filter(has_text=GROUP).click(timeout=SOON)
    page.keyboard.press("Escape")


def chosen(page: Page) -> Locator:
    """The group, in a field of several."""
    return page.locator(".ant-select-selection-item, .people li").filter(has_text=GROUP)


def made(page: Page, what: str, then: str) -> None:
    page.get_by_role("button", name=f"Create {what}").first.click()
    page.wait_for_url(f"**/admin/{then}")


def has(platform: Platform, path: str, expected: dict[str, Any]) -> None:
    found = platform.call("GET", path)
    assert {key: found[key] for key in expected} == expected


def test_an_instance_type_keeps_its_size_and_where_on_a_cluster_it_may_run(page: Page, platform: Platform) -> None:
    name = unique("size")
    size = {"CPU": "1.5", "Memory": "3", "GPU": "1", "Guaranteed CPU": "0.5", "Guaranteed memory": "2"}
    placement = {
        "Key of label 1": "zone",
        "Value of label 1": "north",
        "Key of toleration 1": "reserved",
        "Value of toleration 1": "drawings",
        "Seconds that toleration 1 holds": "300",
        "GPU resource": "example.org/gpu",
    }
    page.goto(f"{ROOT}/admin/instance-types/new")
    page.get_by_label("all of it").uncheck()
    filled(page, {"Name": name, **SAID, **size})
    grouped(page)
    page.get_by_role("radio", name="Never").check()
    page.get_by_text("Node selector: 0 labels, 0 tolerations").click()
    page.get_by_role("button", name="Add label").click()
    page.get_by_role("button", name="Add toleration").click()
    picked(page, "Effect of toleration 1", "NoExecute")
    filled(page, placement)
    made(page, "instance type", "instance-types")
    toleration = {"key": "reserved", "operator": "Equal", "value": "drawings", "effect": "NoExecute"}
    expected = {
        **SPOKEN,
        **{"cpu_limit": 1.5, "memory_limit": "3Gi", "gpu_limit": 1, "cpu_request": 0.5, "memory_request": "2Gi"},
        **{"all_groups": False, "groups": [GROUP], "idle_timeout": 0, "gpu_resource": "example.org/gpu"},
        **{"node_selector": {"zone": "north"}, "tolerations": [{**toleration, "toleration_seconds": 300}]},
    }
    has(platform, f"/instance-types/{name}", expected)

    page.goto(f"{ROOT}/admin/instance-types/{name}")
    holds(page, {**SAID, **size, **placement})
    expect(chosen(page)).to_be_visible()
    expect(page.get_by_role("radio", name="Never")).to_be_checked()
    picked(page, "Operator of toleration 1", "exists")
    page.get_by_role("button", name="Save changes").first.click()
    holds(page, {"Value of toleration 1": ""})
    changed = {**toleration, "operator": "Exists", "value": None, "toleration_seconds": 300}
    has(platform, f"/instance-types/{name}", {**expected, "tolerations": [changed]})
    platform.call("DELETE", f"/instance-types/{name}")


@pytest.mark.parametrize("kind", ["Folder of the platform", "Folder of the machine", "Git repository", "Variables"])
def test_a_volume_keeps_where_it_comes_from_and_who_may_use_it(
    page: Page, platform: Platform, share: Path, kind: str
) -> None:
    name, writable = unique("roll"), kind == "Folder of the platform"
    key = platform.call("POST", "/secrets", {"name": unique("key"), "kind": "git", "value": "once"})["slug"]
    values, source = {
        "Folder of the platform": ({"Size": "5"}, {"type": "pvc", "capacity": 5, "claim": None}),
        "Folder of the machine": ({"Path": str(share)}, {"type": "hostPath", "path": str(share)}),
        "Git repository": (
            {"Address": NOWHERE, "Branch, tag or commit": "v1"},
            {"type": "git", "url": NOWHERE, "ref": "v1", "secret": key},
        ),
        "Variables": (
            {"Name of variable 1": "SCALE", "Value of variable 1": "1:50"},
            {"type": "env", "variables": {"SCALE": "1:50"}},
        ),
    }[kind]
    page.goto(f"{ROOT}/admin/volumes/new")
    page.get_by_role("radio", name=kind).check()
    expect(page.get_by_role("radio", name="NFS share")).to_be_disabled()
    if kind == "Variables":
        page.get_by_role("button", name="Add variable").click()
    filled(page, {"Name": name, **SAID, **values})
    if kind == "Git repository":
        picked(page, "Secret (optional)", key)
    page.get_by_role("switch", name="Launch group only").click()
    grouped(page)
    if writable:
        picked(page, f"{GROUP}: May write", "May write")
    made(page, "volume", f"volumes/{name}")
    given = [{"group": GROUP, "writable": writable}]
    has(
        platform,
        f"/volumes/{name}",
        {**SPOKEN, "source": source, "all_groups": False, "groups": given, "launch_group_only": False},
    )

    holds(page, {**SAID, **values})
    expect(chosen(page)).to_contain_text("May write" if writable else "Read only")
    expect(page.get_by_role("switch", name="Launch group only")).not_to_be_checked()
    platform.call("DELETE", f"/volumes/{name}")
    platform.call("DELETE", f"/secrets/{key}")


@pytest.mark.parametrize(("kind", "called"), [("pull", "Password or token"), ("git", "Private key or token")])
def test_a_secret_is_shared_with_a_group_and_its_value_told_to_nobody(
    page: Page, platform: Platform, kind: str, called: str
) -> None:
    name, pulls = unique("seal"), kind == "pull"
    where = {"Registry": "registry.example.org", "Username": "draughtsman"} if pulls else {}
    page.goto(f"{ROOT}/admin/secrets/new")
    page.get_by_role("radio", name="Registry" if pulls else "Git key").check()
    for label, value in {"Name": name, "Display name": "On paper", **where}.items():
        page.get_by_role("textbox", name=label).first.fill(value)
    page.get_by_label(called, exact=True).fill("once-and-never-again")
    grouped(page)
    made(page, "secret", "secrets")
    assert "once-and-never-again" not in page.content()
    registry, username = where.values() or ("", "")
    kept = {"kind": kind, "display_name": "On paper", "registry": registry, "username": username, "groups": [GROUP]}
    has(platform, f"/secrets/{name}", kept)

    page.goto(f"{ROOT}/admin/secrets/{name}")
    holds(page, {"Display name": "On paper", **where})
    expect(page.get_by_text("A value is kept")).to_be_visible()
    expect(chosen(page)).to_be_visible()
    assert "once-and-never-again" not in page.content()
    platform.call("DELETE", f"/secrets/{name}")


@pytest.mark.sandbox
def test_an_image_is_made_of_an_environment_that_is_there_for_one_group(
    page: Page, platform: Platform, shell_environment: str
) -> None:
    name = unique("board")
    page.goto(f"{ROOT}/admin/images/new")
    page.get_by_role("radio", name="An environment that is on this machine").check()
    expect(page.get_by_role("radio", name="A container image")).to_be_disabled()
    page.get_by_role("radio", name="CPU", exact=True).check()
    filled(page, {"Name": name, **SAID, "Folder": shell_environment})
    grouped(page)
    made(page, "image", f"images/{name}")
    image = platform.call("GET", f"/images/{name}")
    assert image["source"]["prefix"] == shell_environment
    has(platform, f"/images/{name}", {**SPOKEN, "kind": "cpu", "all_groups": False, "groups": [GROUP], "group": None})

    holds(page, {**SAID, "Folder": shell_environment})
    expect(page.get_by_role("radio", name="CPU", exact=True)).to_be_checked()
    expect(chosen(page)).to_be_visible()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=SOON)
    platform.call("DELETE", f"/images/{name}")


def test_a_user_is_made_platform_admin_of_one_group_with_a_home_of_their_own_size(
    page: Page, platform: Platform
) -> None:
    name = unique("chief")
    values = {"Display name": "Chief", "E-mail": f"{name}@example.org"}
    page.goto(f"{ROOT}/admin/users/new")
    filled(page, {"Username": name, **values})
    grouped(page)
    page.get_by_role("switch", name="Platform admin").click()
    page.get_by_role("button", name="Create user").first.click()
    page.get_by_role("button", name="Done").click(timeout=SOON)
    holds(page, values)
    rights = page.get_by_role("switch", name="Platform admin")
    expect(rights).to_be_checked()
    has(platform, f"/users/{name}", {"display_name": "Chief", "email": values["E-mail"], "platform_admin": True})

    rights.click()
    field(page, "Size of the home folder").fill("33")
    page.get_by_role("checkbox", name=f"Group admin of {GROUP}").check()
    page.get_by_role("button", name="Save changes").first.click()
    holds(page, {**values, "Size of the home folder": "33"})
    has(platform, f"/users/{name}", {"platform_admin": False, "volume_capacity": 33})
    memberships = platform.call("GET", f"/users/{name}/memberships")
    assert [(each["group"], each["role"]) for each in memberships] == [(GROUP, "admin")]
    expect(rights).not_to_be_checked()
    platform.call("DELETE", f"/users/{name}")
