"""The hub's sign-in pages: login, change of password, links of invitations, and a provider's door."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from jupyterhub._xsrf_utils import _set_xsrf_cookie
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler
from pydantic import ValidationError
from tornado import web

from primehub_services.client import ApiProblem
from primehub_services.domain.handshake import AccountState, InvitationRedeem, InvitationView

from .confirmations import end_sessions

UNAVAILABLE = (
    "PrimeHub's API does not answer just now, so nobody can sign in and nothing can start. "
    "What runs keeps running. Try again in a few seconds; if it lasts, tell your administrator."
)
LINK_IS_NO_GOOD = "This link does not work: it was used already, has expired, or was withdrawn. Ask for a new one."
NO_PASSWORDS = "This link is to set a password, and nobody signs in with one here. Sign in through the provider."
KEPT_LINK = "primehub-invitation"
KEPT_FOR_DAYS = 1 / 48
"""Half an hour: for a sign-in at a provider that sends people to their telephone."""
SAME_TWICE = "The two new passwords are not the same."


class MustChangePassword(web.HTTPError):
    """The password is right, but temporary: until it is changed there is no session, no token and no server."""

    def __init__(self, username: str) -> None:
        super().__init__(403, "The temporary password must be changed first: sign in on the web page.")
        self.username = username


def refusal(status: int, text: str) -> web.HTTPError:
    """A refusal whose text is shown to the person."""
    return web.HTTPError(status, text)


def refusal_of(problem: ApiProblem) -> web.HTTPError:
    """The API's problem as a refusal that the hub shows."""
    return refusal(*words_of(problem))


def words_of(problem: ApiProblem) -> tuple[int, str]:
    """Status and text for the person who signs in. Never what a broken part said of itself."""
    if problem.status == 429:
        return 403, f"Too many tries. Wait {in_words(problem.body.get('retry_after_s'))}, then try again."
    if problem.status in (403, 409, 422) and problem.code in ("forbidden", "conflict", "invalid"):
        return 403, problem.detail
    return 503, UNAVAILABLE


def in_words(seconds: Any) -> str:
    """A wait for reading: ``40 seconds``, ``3 minutes``."""
    amount = max(1, int(seconds or 0))
    unit = "second"
    if amount > 90:
        amount, unit = -(-amount // 60), "minute"
    return f"{amount} {unit}{'' if amount == 1 else 's'}"


class _PageHandler(BaseHandler):
    """A page with one form, for people who need not be signed in."""

    template = ""

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    async def show(self, *, status: int = 200, **values: Any) -> None:
        """The page with a form that can be sent: the XSRF cookie is made anew, for those without a session."""
        token = self.xsrf_token
        _set_xsrf_cookie(self, self._xsrf_token_id, cookie_path=self.hub.base_url, xsrf_token=token)
        self.set_status(status)
        values.setdefault("errors", {})
        values.setdefault("message", "")
        self.finish(await self.render_template(self.template, **values))

    def check_xsrf_cookie(self) -> None:
        try:
            super().check_xsrf_cookie()
        except web.HTTPError as error:
            self.log.warning("XSRF check failed on %s: %s", self.request.path, error)
            raise refusal(403, "The form is too old. Go back, reload the page, and send it again.") from error

    async def enter(self, state: AccountState, *, everywhere_else_out: bool = False) -> None:
        """Sign the person in here, and out of every other browser where asked, then on to the portal."""
        user = await self.auth_to_user(self.authenticator.model_of(state))
        if everywhere_else_out:
            end_sessions(user)
        self.set_login_cookie(user)
        self._jupyterhub_user = user
        self.redirect(self.settings["default_url"] or self.hub.base_url)

    def field(self, name: str) -> str:
        """A field of the sent form; passwords may begin and end with a space."""
        return str(self.get_body_argument(name, "", strip="password" not in name))


class SignInHandler(LoginHandler):
    """The stock sign-in page with a provider's button, and the way to a new password where one is needed."""

    async def post(self) -> None:
        """Sign in with name and password."""
        username = self.get_body_argument("username", "")
        if not self.authenticator.local_accounts or not username:
            text = "Type your username and password." if self.authenticator.local_accounts else ""
            self.set_status(403)
            self.finish(await self._render(login_error=text, username=username))
            return
        try:
            await super().post()
        except MustChangePassword as must:
            self.redirect(f"{self.hub.base_url}change-password?{urlencode({'username': must.username})}")


class ChangePasswordHandler(_PageHandler):
    """A person's own change of a password: of a temporary one at the first sign-in, or whenever they like."""

    template = "change_password.html"

    def _username(self) -> str:
        if self.current_user is not None:
            return str(self.current_user.name)
        return str(self.get_argument("username", ""))

    async def get(self) -> None:
        """The form."""
        await self.show(username=self._username(), signed_in=self.current_user is not None)

    async def post(self) -> None:
        """Change it, then go on to the portal; other browsers are signed out."""
        username, old, new = self._username(), self.field("old_password"), self.field("new_password")
        errors = {}
        if not username:
            errors["username"] = "Type your username."
        if not old:
            errors["old_password"] = "Type your current password."
        if not new:
            errors["new_password"] = "Type a new password."
        elif new != self.field("repeat_password"):
            errors["repeat_password"] = SAME_TWICE
        message, status = "", 400
        if not errors:
            try:
                state = await self.authenticator.accounts.change_password(username, old, new)
            except (ApiProblem, ValidationError) as problem:
                errors, message, status = _explain(problem, wrong={401: ("old_password", "This is not the password.")})
            else:
                await self.enter(state, everywhere_else_out=True)
                return
        signed_in = self.current_user is not None
        await self.show(status=status, username=username, signed_in=signed_in, errors=errors, message=message)


class InvitationHandler(_PageHandler):
    """A link that works once. Its token is in the address's fragment; the page sends it as a form.

    A link into a group is for somebody new, who makes an account, or for who has one and signs in with it. Where nobody
    has a password here, it is for the latter alone, and a link to set a password is for nobody.
    """

    template = "invite.html"

    async def get(self) -> None:
        """A page that sends the fragment on; after a sign-in, what the link is for that led to it."""
        kept = self._kept() if self.get_argument("kept", "") else ""
        if kept and self.current_user is not None:
            await self._about(kept)
        else:
            # a field to paste the link's code into where scripts are off
            await self.show(view=None, token="", values={})

    async def post(self) -> None:
        """Show what the link is for, or use it."""
        token = self.field("token").rpartition("#")[2]
        if token:
            await self._about(token, self.get_body_argument("use", ""))
        else:
            await self.show(view=None, token="", values={}, message="Paste the link, or the part of it after the #.")

    async def _about(self, token: str, use: str = "") -> None:
        try:
            view = await self.authenticator.accounts.inspect(token)
        except ApiProblem as problem:
            _errors, message, status = _explain(problem, wrong={404: ("", LINK_IS_NO_GOOD), 422: ("", LINK_IS_NO_GOOD)})
            await self.show(status=status, view=None, token="", values={}, message=message)
            return
        join = view.kind == "join"
        if not join and not self.authenticator.local_accounts:
            await self.show(status=403, view=None, token="", values={}, message=NO_PASSWORDS)
        elif join and use == "join" and self.current_user is not None:
            await self._join(view, token)
        elif join and use in ("join", "sign-in"):
            self._sign_in_first(token)
        elif use and self.authenticator.local_accounts:
            await self._redeem(view, token)
        else:
            await self.show(view=view, token=token, values={})

    async def _join(self, view: InvitationView, token: str) -> None:
        try:
            await self.authenticator.accounts.join(token, str(self.current_user.name))
        except ApiProblem as problem:
            _errors, message, status = _explain(problem, wrong={404: ("", LINK_IS_NO_GOOD)})
            await self.show(status=status, view=view, token=token, values={}, message=message)
        else:
            self.redirect(self.settings["default_url"] or self.hub.base_url)

    def _sign_in_first(self, token: str) -> None:
        """To the sign-in and back. Meanwhile the browser keeps the token, where no address and so no log has it."""
        page = f"{self.hub.base_url}invite"
        self._set_cookie(KEPT_LINK, token, path=page, expires_days=KEPT_FOR_DAYS, samesite="Lax")
        door = self.authenticator.login_url(self.hub.base_url)
        self.redirect(f"{door}?{urlencode({'next': f'{page}?kept=1'})}")

    def _kept(self) -> str:
        found = self.get_secure_cookie(KEPT_LINK, max_age_days=KEPT_FOR_DAYS) or b""
        self.clear_cookie(KEPT_LINK, path=f"{self.hub.base_url}invite")
        return found.decode()

    async def _redeem(self, view: InvitationView, token: str) -> None:
        values = {"username": self.field("username"), "display_name": self.field("display_name")}
        errors, message, status = self._check(view.kind), "", 400
        if not errors:
            try:
                state = await self.authenticator.accounts.redeem(
                    InvitationRedeem(token=token, password=self.field("password"), **values)
                )
            except (ApiProblem, ValidationError) as problem:
                errors, message, status = _explain(
                    problem, wrong={404: ("", LINK_IS_NO_GOOD), 409: ("username", "This username is taken.")}
                )
            else:
                await self.enter(state, everywhere_else_out=view.kind == "account")
                return
        await self.show(status=status, view=view, token=token, values=values, errors=errors, message=message)

    def _check(self, kind: str) -> dict[str, str]:
        errors = {}
        if kind == "join" and not self.field("username"):
            errors["username"] = "Choose a username."
        if not self.field("password"):
            errors["password"] = "Choose a password."
        elif self.field("password") != self.field("repeat_password"):
            errors["repeat_password"] = "The two passwords are not the same."
        return errors


class _ProvidersHandler(BaseHandler):
    @property
    def authenticator(self) -> Any:
        return super().authenticator.provider


class ProviderHandler(_ProvidersHandler, OAuthLoginHandler):
    """Sends the browser to the provider."""

    async def get(self) -> None:
        """Find the provider's address, then go there."""
        await self.authenticator.discover()
        super().get()


class ProviderCallbackHandler(OAuthCallbackHandler):
    """Where the provider sends the browser back to."""

    def check_error(self) -> None:
        """Say what the provider said, as a refusal and not as a fault."""
        if self.get_argument("error", ""):
            text = self.get_argument("error_description", self.get_argument("error"))
            raise refusal(403, f"{self.authenticator.provider.login_service} did not let you in: {text}")


def _explain(
    problem: ApiProblem | ValidationError, *, wrong: dict[int, tuple[str, str]]
) -> tuple[dict[str, str], str, int]:
    """Texts by field, one for the whole form, and the status to answer with."""
    if isinstance(problem, ValidationError):
        found = {
            str(e["loc"][-1]) if e["loc"] else "": e["msg"].removeprefix("Value error, ") for e in problem.errors()
        }
        return found, found.pop("", ""), 400
    if problem.errors:
        texts = {e.field: f"{e.message}. {e.fix}".strip(" .") + "." for e in problem.errors}
        return texts, "", problem.status
    if problem.status in wrong:
        field, text = wrong[problem.status]
        return ({field: text}, "", problem.status) if field else ({}, text, problem.status)
    status, text = words_of(problem)
    return {}, text, status
