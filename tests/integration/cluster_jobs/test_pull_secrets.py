"""An image that its registry gives for a password alone: with the platform's secret, and without."""

from __future__ import annotations

import pytest

from tests.support.locked_registry import LockedRegistry, locked_registry, secret
from tests.support.names import unique

from .platform import OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("over")]


async def test_an_image_behind_a_password_is_had_with_its_pull_secret_and_with_nothing_else(bench: Bench) -> None:
    with locked_registry() as registry:
        locked = unique("locked")
        await bench.image(locked, registry.image)
        without = await bench.submit("true", image=locked)
        await bench.says(without, f"The registry does not give {registry.image} away")
        await bench.person.ask("POST", f"/jobs/{without}/cancel")
        opened = await give_secret(bench, registry)
        done = await bench.until(await bench.submit("echo had it", image=opened), *OVER)
        assert done["phase"] == "SUCCEEDED", done


async def give_secret(bench: Bench, registry: LockedRegistry) -> str:
    """The same image, as one that is had with a secret; its name."""
    opened = unique("opened")
    made = await bench.admin.ask("POST", "/secrets", secret(registry.host) | {"name": unique("door")})
    assert made.status_code == 201, made.text
    source = {"type": "container", "url": registry.image, "pull_secret": made.json()["slug"]}
    image = await bench.admin.ask("POST", "/images", {"name": opened, "source": source})
    assert image.status_code == 201, image.text
    return opened
