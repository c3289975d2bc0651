"""Values that signed documents hold: text that can be shown, days, times in UTC, hashes; strictly read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from effigie.errors import UsageError

SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def check_text(label: str, text: Any, max_length: int, empty: bool = False) -> None:
    """Refuse text that is too long, or that would do something to a terminal rather than be read."""
    if not isinstance(text, str) or not (empty or text.strip()):
        raise UsageError(f"{label} must be given in words")
    if len(text) > max_length:
        raise UsageError(f"{label} is longer than {max_length} characters")
    if not text.isprintable():
        raise UsageError(f"{label} holds characters that cannot be shown: write it on one line")


def parse_date(text: Any) -> date:
    """A day written as YYYY-MM-DD."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError(f"{str(text)[:20]!r} is no date: write YYYY-MM-DD")
    return date.fromisoformat(text)


def parse_time(text: Any) -> datetime:
    """A time in UTC written as YYYY-MM-DDTHH:MM:SSZ."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", text, re.ASCII):
        raise ValueError(f"{str(text)[:24]!r} is no time in UTC")
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)


def utc_now() -> datetime:
    """The current time, UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def local_today() -> date:
    """Today in the computer's time zone."""
    return datetime.now().astimezone().date()
