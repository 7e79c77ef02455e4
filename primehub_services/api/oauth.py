"""The portal's sign-in through the hub, which may begin at one process and end at another."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from jupyterhub.services.auth import HubOAuth

LONGEST_NEXT = 1500
"""Characters of an address to go on to; the state is in a cookie, which holds little more."""


class SealedOAuth(HubOAuth):
    """HubOAuth keeps what belongs to a sign-in under way in memory. Here it is in the state itself, encrypted: the hub
    gives it back by way of the browser, and only we can read it."""

    def seal_with(self, secret: bytes) -> SealedOAuth:
        """Use a key made of the secret, which every process has. Itself."""
        key = hmac.new(secret, b"primehub: sign-ins under way", hashlib.sha256).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        return self

    def generate_state(self, next_url: str | None = None, **extra_state: Any) -> str:
        """See ``HubOAuth``."""
        if next_url is not None and len(next_url) > LONGEST_NEXT:
            next_url = None
        text = json.dumps({"next_url": next_url, **extra_state})
        return self._fernet.encrypt(text.encode()).decode()

    def clear_oauth_state(self, state_id: str) -> None:
        """See ``HubOAuth``. Nothing is kept: the state's cookie is cleared, and the hub takes its code once."""

    def get_next_url(self, state_id: str = "", /) -> str:
        """See ``HubOAuth``."""
        return str(self._opened(state_id).get("next_url") or self.base_url)

    def get_code_verifier(self, state_id: str = "", /) -> str | None:
        """See ``HubOAuth``."""
        return self._opened(state_id).get("code_verifier")

    def get_state_cookie_name(self, state_id: str = "", /) -> str:
        """See ``HubOAuth``."""
        return str(self._opened(state_id).get("cookie_name") or self.state_cookie_name)

    def _opened(self, state_id: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._fernet.decrypt(state_id.encode(), ttl=self.oauth_state_max_age))
        except (InvalidToken, UnicodeEncodeError):
            return {}
        return found
