"""Sessions: which browsers may use the studio. An address with a one-time token begins one, a cookie carries it on."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

from effigie.io.atomic_write import read_json, write_private_file

SESSION_DAYS = 30
MAX_SESSIONS = 16  # browsers; the oldest go
MAX_TOKENS = 8  # addresses that nobody has opened yet


class Sessions:
    """One-time tokens, and the sessions that they began; digests of these are kept in a file that only its owner reads.

    So that a page finds its way back to a studio that was killed and started again, sessions outlive the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens: list[str] = []
        self._sessions: dict[str, float] = _read_sessions(path)

    def issue_token(self) -> str:
        """A new one-time token, 43 characters; the oldest of too many unused ones ends."""
        token = secrets.token_urlsafe(32)
        self._tokens = [*self._tokens[-MAX_TOKENS + 1 :], token]
        return token

    def redeem(self, token: str) -> str | None:
        """The secret of a new session for a token that was not used before; None for any other."""
        matches = [candidate for candidate in self._tokens if hmac.compare_digest(candidate.encode(), token.encode())]
        if not matches:
            return None
        self._tokens.remove(matches[0])
        secret = secrets.token_urlsafe(32)
        newest = sorted(self._sessions.items(), key=lambda one: one[1])[-MAX_SESSIONS + 1 :]
        self._sessions = {**dict(newest), _digest(secret): time.time() + 86400 * SESSION_DAYS}
        write_private_file(self._path, json.dumps(self._sessions).encode(), replace=True)
        return secret

    def is_valid(self, secret: str) -> bool:
        """Whether a cookie's value is that of a session that has not ended."""
        digest = _digest(secret)
        ends = [end for candidate, end in self._sessions.items() if hmac.compare_digest(candidate, digest)]
        return bool(ends) and ends[0] > time.time()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _read_sessions(path: Path) -> dict[str, float]:
    """Sessions that have not ended; a damaged file holds none, and everybody enters anew."""
    values: Any = {}
    with contextlib.suppress(OSError, ValueError):
        values = read_json(path)
    if not isinstance(values, dict):
        return {}
    return {str(key): float(end) for key, end in values.items() if isinstance(end, (int, float)) and end > time.time()}
