"""The authenticators' side of sign-in: who is it, may they go on, and what groups are theirs."""

from __future__ import annotations

from urllib.parse import quote

from ..domain.handshake import (
    AccountState,
    InvitationJoin,
    InvitationRedeem,
    InvitationView,
    PasswordChange,
    PasswordSignIn,
    ProviderRefusal,
    ProviderSignIn,
    TokenInspection,
)
from ..domain.system import Branding
from .base import ApiClient


class AccountsClient:
    """Calls of the service ``primehub-authenticator``. Every method raises ``ApiProblem``."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def authenticate(self, username: str, password: str) -> AccountState:
        """Who a local name and password belong to. Status 401: wrong; 429: wait; 403: the account is disabled."""
        request = PasswordSignIn(username=username, password=password)
        return await self._api.fetch(AccountState, "POST", "/accounts/authenticate", body=request)

    async def provider_sign_in(self, request: ProviderSignIn) -> AccountState:
        """The account of somebody a provider vouches for, made at the first sign-in.

        Status 409: the name belongs to another account; 403: the account is disabled.
        """
        return await self._api.fetch(AccountState, "POST", "/accounts/provider-sign-in", body=request)

    async def provider_refusal(self, request: ProviderRefusal) -> None:
        """Somebody's provider does not vouch for them any more: what they run stops, and its memberships end."""
        await self._api.call("POST", "/accounts/provider-refusal", body=request)

    async def branding(self, known: int) -> Branding | None:
        """What the platform is called, and its logo; None where it is still that of the version ``known``."""
        found = await self._api.call("GET", "/branding", headers={"If-None-Match": f'"{known}"'})
        branding: Branding | None = None if found is None else self._api.read(Branding, found)
        return branding

    async def state(self, user: str) -> AccountState:
        """How things stand with an account now. Status 404: there is none."""
        return await self._api.fetch(AccountState, "GET", f"/accounts/{quote(user, safe='')}")

    async def change_password(self, username: str, old_password: str, new_password: str) -> AccountState:
        """A person's own change. Status 401: the old one is wrong; 422: the new one breaks a rule; 429: wait."""
        request = PasswordChange(username=username, old_password=old_password, new_password=new_password)
        return await self._api.fetch(AccountState, "POST", "/accounts/change-password", body=request)

    async def inspect(self, token: str) -> InvitationView:
        """What a link is for. Status 404: unknown, used, or too late."""
        request = TokenInspection(token=token)
        return await self._api.fetch(InvitationView, "POST", "/invitations/inspect", body=request)

    async def redeem(self, request: InvitationRedeem) -> AccountState:
        """Use a link. Status 404: it is no good; 409: the username is taken; 422: a field is wrong."""
        return await self._api.fetch(AccountState, "POST", "/invitations/redeem", body=request)

    async def join(self, token: str, username: str) -> AccountState:
        """Use a link into a group for who is signed in. Status 404: it is no good; 409: it gives them nothing."""
        request = InvitationJoin(token=token, username=username)
        return await self._api.fetch(AccountState, "POST", "/invitations/join", body=request)
