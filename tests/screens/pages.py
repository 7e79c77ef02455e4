"""Every page and the states worth a picture: who looks, at which address, and words that stand there once it has loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page

from .past import used
from .world import GROUP, World

HOME = f"/g/{GROUP}"


@dataclass(frozen=True)
class Shot:
    """One picture."""

    name: str
    who: str
    path: str
    words: str
    act: Callable[[Page], object] = field(default=lambda page: None)
    """What is done once the words are there."""
    broken: tuple[str, ...] = ()
    """Ends of the API's addresses that answer 503 for this picture."""


def tab(name: str, then: str = "") -> Callable[[Page], object]:
    """Open a tab, and click what has this name in it."""

    def act(page: Page) -> None:
        page.get_by_role("tab", name=name).click()
        if then:
            page.get_by_role("button", name=then, exact=True).click()

    return act


def monitoring(world: World) -> Callable[[Page], object]:
    """The charts of the job that runs; a machine that is busy with pictures would leave it nothing."""

    def act(page: Page) -> None:
        used(world, world.ids["running"])
        tab("Monitoring")(page)

    return act


def fill_job(page: Page) -> None:
    """A form that somebody is about to send."""
    page.get_by_label("Name", exact=False).first.fill("train defect-detector v3")
    page.get_by_label("Command").fill(f"cd /project/{GROUP}\npython train.py 30 1")
    page.get_by_role("heading", name="Would ").first.wait_for()


def fill_schedule(page: Page) -> None:
    """Likewise, for a recurring job."""
    page.get_by_label("Name").first.fill("report of line 2")
    page.get_by_role("radio", name="By a cron expression").check()
    page.get_by_role("textbox", name="Cron expression").fill("30 6 * * 1-5")
    page.get_by_label("Command").fill(f"python /project/{GROUP}/report.py")
    page.get_by_text("At 06:30").first.wait_for()


def palette(page: Page) -> None:
    """The palette with an answer in it."""
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or go to").fill("a")
    page.get_by_role("option").first.wait_for()


def keys(page: Page) -> None:
    """The list of keys."""
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


def signing_in(world: World) -> Callable[[Page], object]:
    """The command on somebody's machine asks to be let in."""

    def act(page: Page) -> None:
        asked = world.platform.call("POST", "/login-requests", {"client": "primehub", "host": "lab-laptop"})
        page.goto(asked["verification_path"])
        page.get_by_text("lab-laptop").wait_for()

    return act


def press(button: str) -> Callable[[Page], object]:
    """What a button asks in a dialog."""

    def act(page: Page) -> None:
        page.get_by_role("button", name=button).first.click()
        page.get_by_role("dialog").wait_for()

    return act


def start(page: Page) -> None:
    """A notebook on its way: with half a core it takes long enough for two pictures."""
    page.get_by_role("heading", name="Would start now").wait_for()
    page.get_by_role("button", name="Start notebook").first.click()
    page.get_by_text("Event log").wait_for()
    page.get_by_role("listitem").filter(has_text="Starting").first.wait_for()


def change_group(page: Page) -> None:
    """A form with changes that are not saved yet."""
    page.get_by_label("GPU for the group", exact=True).fill("8")
    page.get_by_label("Description").fill("Defect detection for all three production lines")
    page.get_by_text("2 changes", exact=True).first.wait_for()


def sign_in_link(page: Page) -> None:
    """A link that is shown once; what stands in the picture never worked."""
    press("Make a sign-in link")(page)
    shown = "https://hub.example.org/hub/invite#one-time-words-that-let-ann-in"
    page.get_by_test_id("once").evaluate("(link, shown) => { link.textContent = shown; }", shown)


def send_nothing(page: Page) -> None:
    """A form that was sent too early."""
    page.get_by_role("button", name="Submit job").first.click()
    page.get_by_text("Say what to run.").wait_for()


def shots(world: World) -> tuple[Shot, ...]:
    """All of them, user pages first."""
    return (*_user(world), *_group_admin(world), *_states(world), *_admin(world), *_admin_asks(world), *_last())


def _user(world: World) -> tuple[Shot, ...]:
    ids = world.ids
    jobs, clock = f"{HOME}/jobs", f"{HOME}/recurring-jobs"
    return (
        Shot("home", "ann", f"{HOME}/home", "Who uses what"),
        Shot("palette", "ann", f"{HOME}/home", "Who uses what", palette),
        Shot("keys", "ann", f"{HOME}/home", "Who uses what", keys),
        Shot("invite", "gil", f"{HOME}/home", "Who uses what", press("Invite")),
        Shot("guide", "ann", f"{HOME}/guide", "everybody in the group reads and writes it"),
        Shot("notebook-start", "dana", f"{HOME}/notebooks", "Would "),
        Shot("notebook-refused", "dana", f"{HOME}/notebooks?instancetype=cpu-8", "Would not start now"),
        Shot("notebook-elsewhere", "ann", "/g/forecasting/notebooks", "runs in another group"),
        Shot("notebook-running", "ann", f"{HOME}/notebooks", "Open JupyterLab"),
        Shot("notebooks-past", "bo", f"{HOME}/notebooks/past", "stopped by"),
        Shot("notebook-past", "chen", f"{HOME}/notebooks/{ids['past']}", "ServerApp"),
        Shot("jobs", "ann", jobs, "nightly evaluation"),
        Shot("job-new", "ann", f"{jobs}/new", "Submit job", fill_job),
        Shot("job-new-error", "ann", f"{jobs}/new", "Submit job", send_nothing),
        Shot("job-clone", "bo", f"{jobs}/new?from={ids['succeeded']}", "Submit job"),
        Shot("job-delete", "ann", f"{jobs}/{ids['failed']}", "FileNotFoundError", press("Delete job")),
        Shot("job-running", "ann", f"{jobs}/{ids['running']}", "epoch"),
        Shot("job-monitoring", "ann", f"{jobs}/{ids['running']}", "epoch", monitoring(world)),
        Shot("job-waiting", "chen", f"{jobs}/{ids['waiting']}", "Why is it waiting?"),
        Shot("job-failed", "ann", f"{jobs}/{ids['failed']}", "FileNotFoundError"),
        Shot("job-artifacts", "ann", f"{jobs}/{ids['succeeded']}", "Succeeded", tab("Artifacts", "metrics.csv")),
        Shot("job-notebook", "ann", f"{jobs}/{ids['notebook']}", "Succeeded", tab("Artifacts")),
        Shot("recurring-jobs", "ann", clock, "weekly retraining"),
        Shot("recurring-job", "ann", f"{clock}/{ids['nightly evaluation']}", "Succeeded"),
        Shot("recurring-job-new", "ann", f"{clock}/new", "Save recurring job", fill_schedule),
        Shot("recurring-job-edit", "ann", f"{clock}/{ids['nightly evaluation']}/edit", "How often"),
        Shot("queue", "ann", f"{HOME}/queue", "sweep learning rates"),
        Shot("group-about", "ann", f"{HOME}/settings", f"/project/{GROUP}"),
        Shot("profile", "ann", "/profile", "hugging-face"),
        Shot("notifications", "ann", "/notifications", "Send a test message"),
        Shot("tokens", "ann", "/tokens", "nightly report"),
        Shot("token-new", "ann", "/tokens", "nightly report", press("Create token")),
        Shot("login", "ann", "/cli-login", "Type the code", signing_in(world)),
    )


def _group_admin(world: World) -> tuple[Shot, ...]:
    images = f"{HOME}/images"
    return (
        Shot("group-images", "gil", images, "line-tools-next"),
        Shot("group-image", "gil", f"{images}/{world.ids['image']}", "Everything here is saved"),
        Shot("group-image-failed", "gil", f"{images}/{world.ids['broken image']}", "Failed"),
        Shot("group-image-new", "gil", f"{images}/new", "Create image"),
        Shot("group-settings", "gil", f"{HOME}/settings", "wandb-key"),
    )


def _states(world: World) -> tuple[Shot, ...]:
    new = "/g/newcomers"
    return (
        Shot("home-error", "ann", f"{HOME}/home", "could not be loaded", broken=("/usage",)),
        Shot("jobs-error", "ann", f"{HOME}/jobs", "could not be loaded", broken=("/jobs", "/job-counts")),
        Shot("queue-error", "ann", f"{HOME}/queue", "could not be loaded", broken=("/queue",)),
        Shot("home-empty", "ivo", f"{new}/home", "Nobody uses anything now"),
        Shot("notebooks-past-empty", "ivo", f"{new}/notebooks/past", "No past notebooks"),
        Shot("jobs-empty", "ivo", f"{new}/jobs", "No jobs"),
        Shot("recurring-jobs-empty", "ivo", f"{new}/recurring-jobs", "No recurring jobs"),
        Shot("queue-empty", "ivo", f"{new}/queue", "Nothing waits"),
        Shot("no-group", "ola", "/", "No group available"),
        Shot("not-mine", "ivo", f"{HOME}/home", "You cannot open the group"),
        Shot("no-permission", "ann", "/admin/groups", "Only platform admins"),
        Shot("no-page", "ann", f"{HOME}/nowhere", "There is no such page"),
    )


def _admin(world: World) -> tuple[Shot, ...]:
    def shot(name: str, path: str, words: str) -> Shot:
        return Shot(f"admin-{name}", "admin", f"/admin/{path}", words)

    return (
        shot("groups", f"groups?open={GROUP}", "Each person"),
        shot("group", f"groups/{GROUP}", "Everything here is saved"),
        shot("group-new", "groups/new", "Create group"),
        shot("users", "users?open=ann", "Ann Berger"),
        shot("user", "users/ann", "Vision lab (vision-lab)"),
        shot("user-new", "users/new", "Create user"),
        shot("instance-types", "instance-types?open=gpu-1", "gpu-1"),
        shot("instance-type", "instance-types/gpu-1", "Placement on a cluster"),
        shot("instance-type-new", "instance-types/new", "Placement on a cluster"),
        shot("images", "images?open=line-tools", "line-tools"),
        shot("image", f"images/{world.image}", "Everything here is saved"),
        shot("image-new", "images/new", "Create image"),
        shot("volumes", "volumes?open=labels", "line-2-images"),
        shot("volume", "volumes/line-2-images", "Everything here is saved"),
        shot("volume-new", "volumes/new", "Folder of the platform"),
        shot("secrets", "secrets?open=company-registry", "company-registry"),
        shot("secret", "secrets/company-registry", "Everything here is saved"),
        shot("secret-new", "secrets/new", "Create secret"),
        shot("notebooks", "notebooks", "vision-lab"),
        shot("notebook", f"notebooks/{world.ids['past']}", "ServerApp"),
        shot("jobs", "jobs?view=all", "align batch 12"),
        shot("recurring-jobs", "recurring-jobs", "weekly retraining"),
        shot("usage", f"usage?open={GROUP}", "augment line 2"),
        shot("audit", "audit", "created the"),
        shot("settings", "settings", "Its owner is warned before"),
        shot("health", "health", "JupyterHub"),
        Shot("admin-groups-error", "admin", "/admin/groups", "could not be loaded", broken=("/groups",)),
    )


def _admin_asks(world: World) -> tuple[Shot, ...]:
    """What an administrator is asked, and told, before something is lost."""

    def shot(name: str, path: str, words: str, act: Callable[[Page], object]) -> Shot:
        return Shot(f"admin-{name}", "admin", f"/admin/{path}", words, act)

    ann = "users/ann"
    return (
        shot("group-changed", f"groups/{GROUP}", "Everything here is saved", change_group),
        shot("group-delete", f"groups/{GROUP}", "5 people lose their place in it", press("Delete group")),
        shot("user-link", ann, "Give a temporary password", sign_in_link),
        shot("user-password", ann, "Give a temporary password", press("Give a temporary password")),
        shot("user-disable", ann, "Give a temporary password", press("Disable account")),
        shot("user-delete", ann, "Give a temporary password", press("Delete account")),
        shot("user-invite", "users", "Ann Berger", press("Invite by link")),
        shot("notebook-stop", "notebooks", GROUP, press("Stop ann")),
        shot("image-delete", f"images/{world.image}", "Everything here is saved", press("Delete image")),
    )


def _last() -> tuple[Shot, ...]:
    """What leaves something running, which no other picture shows."""
    tiny = f"{HOME}/notebooks?instancetype=cpu-tiny&image=python-3.11"
    return (Shot("notebook-starting", "gil", tiny, "Would start now", start),)
