"""The platform's API as a sidecar sees it: a few requests with the token of its workload, again until they are answered."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Iterable
from itertools import count
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

TIMEOUT_S = 20.0
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
HURRIED_PAUSE_S = 1.0
OCTETS = "application/octet-stream"


class Over(Exception):
    """The workload is over, or this pod is not the one that runs it: nothing more is wanted of us."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.refused = status == 409


class Refused(Exception):
    """The platform does not take this. It would not the next time either."""


class Api:
    """One connection. ``hurry`` ends the pause between two tries."""

    def __init__(self, url: str, workload: str, pod: str, token: str, hurry: threading.Event) -> None:
        parts = urlsplit(url)
        self._https = parts.scheme == "https"
        self._host = parts.netloc
        self._root = f"{parts.path.rstrip('/')}/workloads/{quote(workload, safe='')}"
        self._headers = {"Authorization": f"Bearer {token}", "PrimeHub-Pod": pod}
        self._connection: http.client.HTTPConnection | None = None
        self._hurry = hurry

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """The answer as JSON; None where it has no body."""
        data = None if body is None else json.dumps(body).encode()
        answer = self.send(method, path, data, "application/json")
        return json.loads(answer) if answer else None

    def send(self, method: str, path: str, body: bytes | None = None, media: str = OCTETS) -> bytes:
        """The answer's body. Tries until it is answered. Raises ``Over`` and ``Refused``."""
        for number in count():
            found = self._once(method, path, body, media)
            if found is not None:
                return found
            self.pause(number)
        raise AssertionError("it counts for ever")

    def pause(self, number: int) -> None:
        """Wait before another try, after so many."""
        seconds = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * float(2 ** min(number, 10)))
        if not self._hurry.is_set():
            self._hurry.wait(seconds)
        else:
            time.sleep(min(seconds, HURRIED_PAUSE_S))

    def send_pieces(self, method: str, path: str, pieces: Iterable[bytes]) -> bool:
        """Whether it was taken; once only, since the pieces come once. Raises ``Over`` and ``Refused``."""
        return self._once(method, path, pieces, OCTETS) is not None

    def fetch(self, path: str, target: str) -> None:
        """Put an answer's body, which may be large, into a file. Raises ``Over`` and ``Refused``."""
        for number in count():
            with open(target, "wb") as file:
                if self._once("GET", path, None, "", file) is not None:
                    return
            self.pause(number)

    def _once(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None, media: str, into: BinaryIO | None = None
    ) -> bytes | None:
        """The answer's body; None where there is no answer, or one that may be another soon."""
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = media
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        try:
            connection = self._connection = self._connection or self._connect()
            connection.request(method, self._root + path, body=body, headers=headers, encode_chunked=chunked)
            answer = connection.getresponse()
            if into is not None and answer.status < 300:
                shutil.copyfileobj(answer, into)
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        if answer.will_close:
            self.close()
        return self._read(answer.status, data)

    def _read(self, status: int, data: bytes) -> bytes | None:
        if status < 300:
            return data
        if status in (409, 410):
            raise Over(status, _detail(data))
        if status >= 500 or status in (408, 425, 429):
            return None
        raise Refused(_detail(data))

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        return kind(self._host, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Forget the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _detail(data: bytes) -> str:
    try:
        return str(json.loads(data)["detail"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode(errors="replace")
