"""What the hub's side asks: claims, sign-ins, culling."""

from __future__ import annotations

from typing import Any

from ..domain.handshake import CullingDecision
from ..operations import claims, invitations, notebooks, sign_in
from .call import Call
from .registry import Run, read, write


async def _claim(call: Call) -> Any:
    return await call.write(claims.claim, call.body, await call.context.capacity())


async def _authenticate(call: Call) -> Any:
    return await call.context.sign_in.authenticate(await call.actor(), call.body)


async def _change_password(call: Call) -> Any:
    return await call.context.sign_in.change_password(await call.actor(), call.body)


async def _redeem(call: Call) -> Any:
    return await call.context.sign_in.redeem(await call.actor(), call.body)


async def _culling(call: Call) -> Any:
    leapt = call.context.leaps.lately()
    decision = await call.read(notebooks.culling, call.query.user, call.query.server)
    if decision.cull and leapt:
        return CullingDecision(cull=False, reason="the clock was set forward or the machine slept: not known yet")
    return decision


HANDLERS: dict[str, Run] = {
    "claims.create": _claim,
    "claims.state": read(claims.state),
    "claims.event": write(claims.event),
    "claims.events": write(claims.events),
    "claims.release": write(claims.release),
    "sign_in.authenticate": _authenticate,
    "sign_in.provider": write(sign_in.provider_sign_in),
    "sign_in.refusal": write(sign_in.provider_refusal),
    "sign_in.change_password": _change_password,
    "sign_in.state": read(sign_in.state),
    "sign_in.inspect": read(invitations.inspect),
    "sign_in.redeem": _redeem,
    "sign_in.join": write(sign_in.join),
    "notebooks.culling": _culling,
}
