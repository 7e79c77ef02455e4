"""What groups are given: instance types, images, volumes, secrets."""

from __future__ import annotations

from typing import Any

from ..operations import images, instance_types, secrets, volumes
from .call import Call
from .registry import Run, read, read_of_group, write


async def _create_image(call: Call) -> Any:
    return await call.write(images.create, call.body, accepts=(await call.context.capacity()).image_types)


async def _update_image(call: Call) -> Any:
    accepts = (await call.context.capacity()).image_types
    return await call.write(images.update, call["image"], call.body, accepts=accepts)


async def _create_volume(call: Call) -> Any:
    return await call.write(volumes.create, call.body, policy=call.context.volume_policy)


async def _update_volume(call: Call) -> Any:
    return await call.write(volumes.update, call["volume"], call.body, policy=call.context.volume_policy)


async def _volume_manifests(call: Call) -> Any:
    return await call.read(volumes.manifests, call["volume"], policy=call.context.volume_policy)


async def _create_secret(call: Call) -> Any:
    return await call.write(secrets.create, call.body, keyring=call.context.keyring)


async def _update_secret(call: Call) -> Any:
    return await call.write(secrets.update, call["secret"], call.body, keyring=call.context.keyring)


HANDLERS: dict[str, Run] = {
    "instance_types.list": read_of_group(instance_types.list_),
    "instance_types.create": write(instance_types.create),
    "instance_types.get": read(instance_types.get),
    "instance_types.update": write(instance_types.update),
    "instance_types.delete": write(instance_types.delete),
    "images.list": read_of_group(images.list_),
    "images.create": _create_image,
    "images.get": read(images.get),
    "images.update": _update_image,
    "images.delete": write(images.delete),
    "images.rebuild": write(images.rebuild),
    "volumes.list": read_of_group(volumes.list_),
    "volumes.create": _create_volume,
    "volumes.get": read(volumes.get),
    "volumes.update": _update_volume,
    "volumes.delete": write(volumes.delete),
    "volumes.manifests": _volume_manifests,
    "secrets.list": read_of_group(secrets.list_),
    "secrets.create": _create_secret,
    "secrets.get": read(secrets.get),
    "secrets.update": _update_secret,
    "secrets.delete": write(secrets.delete),
}
