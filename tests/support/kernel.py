"""A kernel in somebody's notebook, spoken to as JupyterLab does: through the proxy, by REST and a websocket."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import websocket


class Kernel:
    """A running kernel. ``server`` is the notebook's address without ``lab``; ``token`` a hub token of its owner."""

    def __init__(self, server: str, token: str) -> None:
        self._headers = {"Authorization": f"token {token}"}
        self._server = server.rstrip("/")
        answer = httpx.post(f"{self._server}/api/kernels", headers=self._headers, trust_env=False, timeout=30)
        answer.raise_for_status()
        self.id = answer.json()["id"]
        self._session = uuid.uuid4().hex
        address = f"ws{self._server.removeprefix('http')}/api/kernels/{self.id}/channels?session_id={self._session}"
        self._socket = websocket.create_connection(address, header=self._headers, timeout=60)

    def run(self, code: str) -> str:
        """What the code prints. Fails where it raises."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": self._session,
            "date": datetime.now(UTC).isoformat(),
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._socket.send(json.dumps(message))
        printed = ""
        while True:
            got: dict[str, Any] = json.loads(self._socket.recv())
            if got["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, content = got["msg_type"], got["content"]
            if kind == "stream":
                printed += content["text"]
            elif kind == "error":
                raise AssertionError("\n".join([printed, *content["traceback"]]))
            elif kind == "status" and content["execution_state"] == "idle":
                return printed

    def facts(self, code: str) -> Any:
        """What the code leaves in ``facts``, which must be JSON."""
        return json.loads(self.run(f"import json\n{code}\nprint(json.dumps(facts))"))

    def close(self) -> None:
        """Leave it."""
        self._socket.close()
