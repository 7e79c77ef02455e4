"""What every PrimeHub spawner does, whatever runs the server: claim, narrow the token, report, release."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from html import escape
from typing import Any
from weakref import WeakSet

from jupyterhub import orm
from jupyterhub.spawner import SpawnException
from jupyterhub.utils import maybe_future
from traitlets import Dict, Instance, List, Unicode, default
from traitlets.config import LoggingConfigurable

from primehub_services.client import ApiProblem
from primehub_services.client.claims import ClaimsClient, Reports
from primehub_services.client.in_hub import client_in_hub
from primehub_services.domain.handshake import ClaimEvent, ClaimGrant, StartEvent
from primehub_services.domain.launch import LaunchPlan, LeftOut

from . import render

_clients: dict[tuple[str, str], ClaimsClient] = {}
_reports: dict[ClaimsClient, Reports] = {}
_here: WeakSet[PrimeHubSpawnerMixin] = WeakSet()


def spawners_here() -> list[PrimeHubSpawnerMixin]:
    """All spawners in memory, of servers that run, start, stop or have stopped; the hub may have replaced some."""
    return list(_here)


class PrimeHubSpawnerMixin(LoggingConfigurable):
    """Asks PrimeHub before every start, and tells it of every end.

    Put before a ``Spawner`` in the bases. The class that mixes it in gives ``launch`` (run the plan, return the URL),
    ``halt`` (end what runs), ``poll``, ``gone`` and ``ending``.
    """

    api_url = Unicode(help="Root of PrimeHub's API.").tag(config=True)
    api_service_token = Unicode(help="Token of the service primehub-spawner.").tag(config=True)
    portal_url = Unicode("/services/primehub/", help="Where people choose what to start.").tag(config=True)

    start_id = Unicode(help="Of the start that holds a claim; empty where none does.")
    launch_group = Unicode(help="Slug of the group of the start.")
    plan = Instance(LaunchPlan, allow_none=True, help="Of a start that is claimed and has not begun.")
    user_options: dict[str, Any]
    claims = Instance(ClaimsClient)
    told = List(Dict(), help="Steps of the start that runs.")
    changed = Instance(asyncio.Event, ())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _here.add(self)

    @default("claims")
    def _claims(self) -> ClaimsClient:
        key = (self.api_url, self.api_service_token)
        if key not in _clients:
            _clients[key] = ClaimsClient(client_in_hub(self.api_url, self.api_service_token, timeout=30))
        return _clients[key]

    @default("apply_user_options")
    def _apply_user_options(self) -> Any:
        return PrimeHubSpawnerMixin.accept_options

    @default("options_form")
    def _options_form(self) -> str:
        return (
            "<p>PrimeHub starts notebooks in a group, with an instance type and an image. "
            f'<a href="{escape(self.portal_url, quote=True)}">Choose them in PrimeHub</a>, '
            "or press Start for the same as the last time.</p>"
        )

    @default("options_from_form")
    def _options_from_form(self) -> Any:
        return lambda form: {name: values[0] for name, values in form.items() if name != "_xsrf" and values}

    def options_from_query(self, _query: Any) -> dict[str, Any]:
        """Refused: the hub would start what a link says, of whoever opens it, without asking.

        ``/hub/spawn?group=...`` is a GET, which any page may lead to, and an image of somebody else's would run over the
        home folder of whoever came by. The form is shown instead; the portal's launch links ask.
        """
        msg = "A link does not start a notebook. Choose it in PrimeHub."
        raise SpawnException(msg, reason="link", status_code=403)

    @abstractmethod
    async def launch(self, plan: LaunchPlan) -> str:
        """Run the plan and return the server's URL. Raises ``SpawnException`` where it cannot run."""

    def reserve(self) -> None:
        """Settle, before a start, what ``get_state`` has to say of it; it is then kept with the claim."""

    @abstractmethod
    async def halt(self, *, now: bool) -> None:
        """End what runs, and return when it has ended. ``now`` gives it no time to save."""

    @abstractmethod
    async def gone(self, start_id: str) -> bool:
        """Whether nothing of this start runs any more, for sure."""

    @abstractmethod
    async def ending(self, start_id: str) -> tuple[int | None, str]:
        """The exit code of an ended start and why it ended, as far as known."""

    @staticmethod
    def accept_options(spawner: PrimeHubSpawnerMixin, options: Any) -> None:
        """Refuse options that are not known. Whatever happens, only known ones are kept."""
        kept = render.known_options(options)
        if kept != options or kept != spawner.orm_spawner.user_options:
            spawner.user_options = kept
            spawner.orm_spawner.user_options = kept
        try:
            render.checked_options(options)
        except render.OptionError as error:
            raise SpawnException(str(error), reason="options", status_code=400) from error

    async def claim_start(self) -> None:
        """Claim what the start takes. Raises ``SpawnException`` with the reason.

        ``PrimeHubAuthenticator`` calls it shortly before ``start``; ``run_auth_state_hook`` writes down what was claimed.
        """
        self.told = []
        self.accept_options(self, self.user_options)
        grant = await self._claim()
        self.plan = grant.plan
        self.start_id, self.launch_group = grant.start_id, grant.plan.group
        self.reserve()

    async def run_auth_state_hook(self, auth_state: Any) -> None:
        """The hub's, and the last thing before it commits: what was claimed is in that commit and takes none of ours.

        Not sooner. Whatever is written and waits for something is lost: every request that ends meanwhile rolls back what
        is not committed, and everything in memory is read again.
        """
        await super().run_auth_state_hook(auth_state)
        if self.plan is not None:
            self._write_down(self.plan)

    async def start(self) -> str:
        """Claim, unless that is done, and run the plan. Raises ``SpawnException`` with the reason."""
        if self.plan is None:
            await self.claim_start()
            assert self.plan is not None
            # from here a crash of the hub must leave enough behind to find the workload again
            self._write_down(self.plan)
            self.user.db.commit()
        plan, self.plan = self.plan, None
        # PrimeHub has noted this with the claim
        self._show(30, "creating", f"Starting {plan.image} with {plan.instance_type} in {plan.group_name}")
        for left_out in plan.left_out:
            self.note_without(30, left_out)
        url = await self.launch(plan)
        self.note(80, "starting", "Waiting for JupyterLab")
        self._waiting_for_ready = asyncio.ensure_future(self._report_ready(plan.start_id))
        return url

    async def stop(self, now: bool = False) -> None:
        """End the server. Its claim is released by ``run_post_stop_hook``, which the hub calls after every ending."""
        await self.halt(now=now)

    async def run_post_stop_hook(self) -> None:
        """After a stop, a death and a failed start alike: say how it ended and give the claim back."""
        try:
            await maybe_future(super().run_post_stop_hook())
        finally:
            await self._settle()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The steps of the start that runs, as they happen; the hub stops asking when it is over."""
        seen = 0
        while True:
            self.changed.clear()
            for event in self.told[seen:]:
                seen += 1
                yield {"progress": event["progress"], "message": event["message"]}
            await self.changed.wait()

    def note(self, progress: int, stage: str, message: str, left_out: LeftOut | None = None) -> None:
        """Record a step: for the hub's progress page now, and for PrimeHub as soon as it can be told."""
        self._show(progress, stage, message)
        if self.start_id:
            step = StartEvent(
                start_id=self.start_id, event="progress", progress=progress, stage=stage, message=message[:2000]
            )
            # set only where there is one: PrimeHub of the version before takes every other step
            self._report(step if left_out is None else step.model_copy(update={"left_out": left_out}))

    def note_without(self, progress: int, left_out: LeftOut) -> None:
        """Record that the start goes on without a volume."""
        self.note(progress, "creating", f"Without {left_out.volume}: {left_out.reason}", left_out)

    def _show(self, progress: int, stage: str, message: str) -> None:
        self.told = [*self.told, {"progress": progress, "stage": stage, "message": message}]
        self.changed.set()

    def get_state(self) -> dict[str, Any]:
        """What finds the server again after the hub was restarted."""
        state: dict[str, Any] = super().get_state()
        if self.start_id:
            state |= {"start_id": self.start_id, "launch_group": self.launch_group}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what ``get_state`` kept."""
        super().load_state(state)
        self.start_id = state.get("start_id", "")
        self.launch_group = state.get("launch_group", "")

    def clear_state(self) -> None:
        """Forget the start that has ended."""
        super().clear_state()
        self.start_id = self.launch_group = ""
        self.plan = None

    async def _claim(self) -> ClaimGrant:
        try:
            return await self.claims.claim(self.user.name, self.name, dict(self.user_options))
        except ApiProblem as problem:
            self._forget_start_id()
            raise self._refusal(problem) from problem

    def _forget_start_id(self) -> None:
        """The hub gives a server's last options again at the next start, which is another one than this."""
        self.user_options = {name: value for name, value in self.user_options.items() if name != "start_id"}
        self.orm_spawner.user_options = dict(self.user_options)
        self.user.db.commit()

    def _refusal(self, problem: ApiProblem) -> SpawnException:
        if problem.status in (0, 401) or problem.status >= 500:
            self.log.error("PrimeHub's API gave no claim for %s: %s", self._log_name, problem)
            return SpawnException(render.API_AWAY, reason="api-unavailable", status_code=503)
        return SpawnException(
            render.refusal_text(problem),
            reason=render.refusal_reason(problem),
            message_html=render.refusal_html(problem, self.portal_url),
            status_code=problem.status,
        )

    def _write_down(self, plan: LaunchPlan) -> None:
        """Note the start in the hub's database, and narrow the token to the launch group. The caller commits at once."""
        self._narrow_token(plan)
        chosen = {"group": plan.group, "instance_type": plan.instance_type, "image": plan.image}
        self.user_options = {**chosen, "safe_mode": plan.safe_mode, "start_id": plan.start_id}
        self.orm_spawner.user_options = dict(self.user_options)
        self.orm_spawner.state = self.get_state()

    def keep_state(self) -> None:
        """Write ``get_state`` into the hub's database now, before the hub itself would."""
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()

    def _narrow_token(self, plan: LaunchPlan) -> None:
        """Only now are the options known: what the hub computed itself saw those of the start before."""
        token = orm.APIToken.find(self.user.db, self.api_token)
        if token is None:
            msg = "the server's own token is not in the hub's database"
            raise RuntimeError(msg)
        # not by update_scopes: whether its owner has them is the hub's question at every use of the token anyway
        token.scopes = render.notebook_scopes(self.user.name, self.name, plan.group)

    async def _settle(self) -> None:
        """Report the end and release the claim, once. What cannot be told now, PrimeHub's own sweep finds."""
        start_id, self.start_id = self.start_id, ""
        if not start_id:
            return
        if not await self.gone(start_id):
            self.log.warning("%s may still run, so its claim %s is kept", self._log_name, start_id)
            return
        code, reason = await self.ending(start_id)
        try:
            if not await self.claims.report(start_id, ClaimEvent(event="stopped", exit_code=code, reason=reason[:500])):
                await self.claims.release(start_id)
        except ApiProblem as problem:
            self.log.warning("The claim %s of %s is not released yet: %s", start_id, self._log_name, problem)

    async def _report_ready(self, start_id: str) -> None:
        """Wait until the hub says that the server answers and is in the proxy, then tell PrimeHub."""
        spawning = self._spawn_future
        if spawning is not None:
            await asyncio.wait([spawning])
        if self.start_id == start_id and self.ready:
            url = f"{self.server.base_url}lab"
            self._report(StartEvent(start_id=start_id, event="ready", progress=100, stage="ready", url=url))

    def _report(self, event: StartEvent) -> None:
        if self.claims not in _reports:
            _reports[self.claims] = Reports(self.claims, self.log)
        _reports[self.claims].add(event)

    _waiting_for_ready: asyncio.Future[None] | None = None
