"""Who signs in: local accounts and OpenID Connect, both thin over PrimeHub's API.

The API keeps accounts, passwords, lockout and memberships. Here is only what the hub must be told: a name, the groups,
whether somebody is a platform admin, and whether they may go on.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import jwt
from jupyterhub.auth import Authenticator
from oauthenticator.generic import GenericOAuthenticator
from tornado.httpclient import HTTPClientError
from tornado.ioloop import PeriodicCallback
from traitlets import Bool, Dict, Instance, Integer, Set, Unicode, default

from primehub_services.client import ApiProblem
from primehub_services.client.accounts import AccountsClient
from primehub_services.client.in_hub import client_in_hub
from primehub_services.domain.handshake import AccountState, ProviderSignIn
from primehub_spawner.base import PrimeHubSpawnerMixin

from . import accounts_handlers as pages
from . import branding, hub_reads
from .confirmations import LOOK_EVERY, Confirmations, Grant, Refused, error_of

NOT_COMPLETED = "Single sign-on did not complete the sign-in. Try again; if it stays so, tell your administrator."
GRACE = 300
"""Seconds for which somebody who is signed in may go on while the API does not answer. Sign-ins and starts need it."""


class PrimeHubOIDCAuthenticator(GenericOAuthenticator):
    """Asks one OpenID Connect provider who somebody is; part of ``PrimeHubAuthenticator``.

    Endpoints come from the provider's discovery document. An account is keyed by (issuer, subject).
    """

    issuer = Unicode(help="The provider's issuer URL, exactly as it names itself.").tag(config=True)
    name_claim = Unicode("preferred_username", help="The claim with the wished-for username.").tag(config=True)
    groups_claim = Unicode("groups", help="The claim with the groups; empty leaves memberships alone.").tag(config=True)
    platform_admin_groups = Set(Unicode(), help="Groups of the provider whose people are platform admins.").tag(
        config=True
    )

    lasting_grants = Bool(True, help="Whether to ask for grants that outlive a session, where it has them.").tag(
        config=True
    )
    ask_every = Integer(300, help="Seconds between two questions about somebody who does something.").tag(config=True)
    go_on_for = Integer(43200, help="Seconds for which who was confirmed goes on while nothing is learned.").tag(
        config=True
    )

    _discovered = Dict()

    @default("username_claim")
    def _unused_username_claim(self) -> str:
        return "sub"

    async def discover(self) -> None:
        """Learn the provider's endpoints, once. Raises an HTTP error 503 in clear words where it does not answer."""
        if self._discovered:
            return
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = await self.httpfetch(url, label="Reading the provider's endpoints", method="GET")
        except Exception as error:
            self.log.error("OpenID Connect: %s: %s", url, error)
            raise pages.refusal(503, f"{self.login_service} does not answer just now. Try again soon.") from error
        if found.get("issuer") != self.issuer:
            self.log.error("OpenID Connect: issuer is %r, the provider says %r", self.issuer, found.get("issuer"))
            raise pages.refusal(500, f"{self.login_service} is not set up right: the issuer is another one.")
        self.authorize_url = found["authorization_endpoint"]
        self.token_url = found["token_endpoint"]
        self.userdata_url = found["userinfo_endpoint"]
        # the standard's default is client_secret_basic; the form is what most allow
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self.basic_auth = "client_secret_post" not in methods
        if self.lasting_grants and "offline_access" in found.get("scopes_supported", []):
            self.set_trait("scope", list(dict.fromkeys([*self.scope, "offline_access"])))
        self._discovered = found

    async def who(self, handler: Any) -> tuple[ProviderSignIn, Grant]:
        """Whom the provider vouches for in the callback that ``handler`` serves, and what to ask it with later."""
        await self.discover()
        try:
            token_info = await self.get_token_info(handler, self.build_access_tokens_request_params(handler, None))
            claims = await self.token_to_user(token_info)
        except HTTPClientError as error:
            # such as a person to whom it does not give the lasting grant that it lists: accounts.oidc.offline_access
            self.log.error("OpenID Connect: a sign-in was not completed: %s %s", error.code, error_of(error))
            raise pages.refusal(403 if error.code < 500 else 503, NOT_COMPLETED) from error
        self._check_id_token(token_info.get("id_token"), claims)
        request = self.sign_in_of(claims)
        return request, Grant.of(request, token_info, self.scope)

    async def renewed(self, grant: Grant) -> dict[str, Any]:
        """As ``confirmations.Provider`` says."""
        await self.discover()
        try:
            found: dict[str, Any] = await self.get_token_info(
                None, self.build_refresh_token_request_params(grant.refresh_token)
            )
        except HTTPClientError as error:
            # anything else is about this client, or a fault of the provider's
            if error_of(error) == "invalid_grant":
                raise Refused("it gives no new access token") from error
            raise
        return found

    async def person(self, tokens: dict[str, Any], grant: Grant) -> ProviderSignIn:
        """As ``confirmations.Provider`` says."""
        try:
            claims = await self.token_to_user(tokens)
        except HTTPClientError as error:
            if error.code in (401, 403):
                raise Refused("it tells nothing of them") from error
            raise
        if claims.get("sub") != grant.subject:
            raise Refused("it tells of somebody else")
        return self.sign_in_of(claims).model_copy(update={"renewal": True})

    def sign_in_of(self, claims: dict[str, Any]) -> ProviderSignIn:
        """What the API is told of a set of claims."""
        username = str(claims.get(self.name_claim) or "")
        if not username:
            text = f"{self.login_service} gave no username (claim {self.name_claim}). Ask your administrator."
            raise pages.refusal(403, text)
        groups = self._groups_of(claims)
        admin = (
            None if not self.platform_admin_groups or groups is None else bool(self.platform_admin_groups & set(groups))
        )
        return ProviderSignIn(
            issuer=self.issuer,
            subject=str(claims["sub"]),
            username=username,
            display_name=str(claims.get("name") or "")[:100],
            email=str(claims.get("email") or ""),
            groups=groups,
            platform_admin=admin,
        )

    def _groups_of(self, claims: dict[str, Any]) -> tuple[str, ...] | None:
        value: Any = claims
        for key in self.groups_claim.split(".") if self.groups_claim else ():
            value = value.get(key) if isinstance(value, dict) else None
        if not self.groups_claim:
            return None
        # a provider leaves the claim out where somebody is in no group: that is an empty list, not "unknown"
        found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return tuple(str(group).removeprefix("/") for group in found)

    def _check_id_token(self, id_token: str | None, claims: dict[str, Any]) -> None:
        """The userinfo must be of the person whom the ID token is about (OpenID Connect Core 5.3.2)."""
        if not claims.get("sub"):
            raise pages.refusal(403, f"{self.login_service} did not say who you are (claim sub).")
        if id_token is None:
            return
        # it came straight from the token endpoint, so its signature says nothing more (OpenID Connect Core 3.1.3.7)
        try:
            told = jwt.decode(
                id_token,
                audience=self.client_id,
                issuer=self.issuer,
                options={"verify_signature": False, "verify_aud": True, "verify_exp": True, "verify_iss": True},
            )
        except jwt.PyJWTError as error:
            self.log.warning("OpenID Connect: ID token refused: %s", error)
            raise pages.refusal(403, f"{self.login_service} sent an answer that is not for PrimeHub.") from error
        if told.get("sub") != claims["sub"]:
            raise pages.refusal(403, f"{self.login_service} spoke of two different people.")


class PrimeHubAuthenticator(Authenticator):
    """Local accounts, and an OpenID Connect provider beside them or instead of them."""

    api_url = Unicode(help="Root of PrimeHub's API.").tag(config=True)
    api_token = Unicode(help="Token of the service primehub-authenticator.").tag(config=True)
    local_accounts = Bool(True, help="Whether accounts with a password may sign in.").tag(config=True)
    oidc = Bool(False, help="Whether people may sign in through PrimeHubOIDCAuthenticator's provider.").tag(config=True)
    password_min_length = Integer(10, help="Shown beside new passwords; the API checks it.").tag(config=True)
    starting_grace = Integer(30, help="Seconds from the hub's start for which the API may be starting too.").tag(
        config=True
    )
    accounts = Instance(AccountsClient)
    provider = Instance(PrimeHubOIDCAuthenticator, allow_none=True)
    confirmations = Instance(Confirmations, allow_none=True)

    @default("accounts")
    def _accounts(self) -> AccountsClient:
        return AccountsClient(client_in_hub(self.api_url, self.api_token, timeout=30))

    @default("provider")
    def _provider(self) -> PrimeHubOIDCAuthenticator | None:
        return PrimeHubOIDCAuthenticator(parent=self) if self.oidc else None

    @default("confirmations")
    def _confirmations(self) -> Confirmations | None:
        provider = self.provider
        if provider is None:
            return None
        return Confirmations(
            provider, self.accounts, every=provider.ask_every, at_most=provider.go_on_for, log=self.log
        )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._answered: dict[str, float] = {}
        self._began = time.monotonic()

    @property
    def auto_login(self) -> bool:
        """Straight to the provider where there is nothing to choose."""
        return bool(self.oidc and not self.local_accounts)

    def login_url(self, base_url: str) -> str:
        """Where the login form posts to, or the provider's door where there is no form."""
        return f"{base_url}oauth_login" if self.auto_login else f"{base_url}login"

    def get_handlers(self, app: Any) -> list[tuple[str, Any]]:
        """The sign-in pages that this configuration needs, and what our services read of the hub."""
        known = branding.KnownBranding(self.accounts)
        app.template_vars["platform"] = lambda _user: known.now
        PeriodicCallback(known.look, branding.LOOK_EVERY * 1000).start()
        found: list[tuple[str, Any]] = [("/login", pages.SignInHandler), *hub_reads.HANDLERS]
        found.append(("/invite", pages.InvitationHandler))
        if self.local_accounts:
            found.append(("/change-password", pages.ChangePasswordHandler))
        if self.confirmations is not None:
            PeriodicCallback(partial(self.confirmations.look, app), LOOK_EVERY * 1000).start()
            found += [("/oauth_login", pages.ProviderHandler), ("/oauth_callback", pages.ProviderCallbackHandler)]
        return found

    async def authenticate(self, handler: Any, data: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The account of a sign-in, None where name or password is wrong.

        Raises an HTTP error with the reason otherwise: to wait, disabled, a password to change first, no API.
        """
        if isinstance(handler, pages.ProviderCallbackHandler):
            return await self._provider_sign_in(handler)
        data = data or {}
        username, password = data.get("username"), data.get("password")
        if not self.local_accounts or not isinstance(username, str) or not isinstance(password, str):
            return None
        if not username or not password or len(username) > 255 or len(password) > 1024:
            return None
        try:
            state = await self.accounts.authenticate(username, password)
        except ApiProblem as problem:
            if problem.status == 401:
                return None
            raise pages.refusal_of(problem) from problem
        return self.model_of(state)

    async def _provider_sign_in(self, handler: Any) -> dict[str, Any]:
        assert self.provider is not None
        assert self.confirmations is not None
        request, grant = await self.provider.who(handler)
        try:
            state = await self.accounts.provider_sign_in(request)
        except ApiProblem as problem:
            raise pages.refusal_of(problem) from problem
        model = self.model_of(state)
        self.confirmations.signed_in(state.name, grant)
        return model | {"auth_state": await grant.sealed()}

    def model_of(self, state: AccountState) -> dict[str, Any]:
        """What the hub keeps of an account. Raises where it may not have a session, a token or a server."""
        if not state.enabled:
            raise pages.refusal(403, "This account is disabled. Ask a platform admin.")
        if state.must_change_password:
            raise pages.MustChangePassword(state.name)
        self._answered[state.name] = time.monotonic()
        return {"name": state.name, "groups": sorted(state.groups), "admin": state.platform_admin, "auth_state": None}

    def normalize_username(self, username: str) -> str:
        """Unchanged: the name is the API's answer, not what was typed."""
        return username

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Before every start: claim what it takes. Raises ``SpawnException`` with the reason."""
        if isinstance(spawner, PrimeHubSpawnerMixin):
            await spawner.claim_start()

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Whether somebody may go on, and what has changed for them.

        While the API does not answer, who was confirmed in the last ``GRACE`` seconds goes on as they are, and in the
        first ``starting_grace`` seconds of the hub everybody who has a session or token: the services start with the hub, a
        notebook keeps a "no" for minutes, and nobody could be disabled while the services were away. Everybody else
        is nobody until it answers; their cookies and tokens stay good for then.
        """
        try:
            state = await self.accounts.state(user.name)
        except ApiProblem as problem:
            if problem.status == 404:
                return False
            unseen = self._began + self.starting_grace - GRACE
            if time.monotonic() - self._answered.get(user.name, unseen) < GRACE:
                self.log.warning("PrimeHub's API does not answer (%s); %s goes on as before", problem, user.name)
                return True
            self.log.error("PrimeHub's API does not answer (%s); %s cannot go on until it does", problem, user.name)
            return False
        if not state.enabled or state.must_change_password or not await self._vouched_for(user, state):
            self._answered[user.name] = float("-inf")
            return False
        self._answered[user.name] = time.monotonic()
        groups = sorted(state.groups)
        if groups == sorted(group.name for group in user.groups) and state.platform_admin == bool(user.admin):
            return True
        return {"name": user.name, "groups": groups, "admin": state.platform_admin}

    async def _vouched_for(self, user: Any, state: AccountState) -> bool:
        """Whether a provider's person may go on as far as the provider is concerned; everybody else may."""
        if self.confirmations is None or self.provider is None or state.issuer != self.provider.issuer:
            return True
        return await self.confirmations.hold(user)

    def is_out(self, name: str) -> bool:
        """Whether the provider was found not to vouch for this person of its any more."""
        return self.confirmations is not None and self.confirmations.is_out(name)
