"""Interpretation of the C2PA library's validation codes, and safe access to values from untrusted manifests."""

from __future__ import annotations

from typing import Any, Literal

State = Literal["trusted", "valid", "broken", "absent"]

MAX_TEXT_LENGTH = 500  # characters of anything that a file says
MAX_ENTRIES = 100
UNKNOWN_SIGNER = {"signingCredential.untrusted": "its signer is not on a trust list of this machine"}
"""Findings that do not touch what was signed: the signature and the hashes hold."""
OUT_OF_DATE = dict.fromkeys(
    ("signingCredential.expired", "claimSignature.outsideValidity"),
    "its certificate has run out, and no time stamp says that it was signed before",
)
TIME_PREFIXES = ("timeStamp.", "timeOfSigning.")
"""A time stamp that cannot be trusted says nothing; the signature holds without it."""
BROKEN_TIME = {"timeStamp.malformed", "timeStamp.mismatch", "timeStamp.outsideValidity"}
"""A time stamp that was changed, or never fitted. Readers pass over it; in an output of effigie none stands."""


class StrictCheckError(Exception):
    """Error of bytes that do not belong where they are."""


def judge_codes(success: set[str], failure: set[str]) -> tuple[State, tuple[str, ...]]:
    """State that follows from validation codes, and their meaning in words."""
    changed = sorted(tampering_codes(failure))
    if changed or "claimSignature.validated" not in success:
        return "broken", tuple(map(_describe_code, changed)) or ("its signature does not hold",)
    problems = [text for code, text in UNKNOWN_SIGNER.items() if code in failure]
    problems += sorted({text for code, text in OUT_OF_DATE.items() if code in failure})
    trusted = "signingCredential.trusted" in success and not failure & (UNKNOWN_SIGNER | OUT_OF_DATE).keys()
    return ("trusted" if trusted else "valid"), tuple(problems)


def tampering_codes(failure: set[str]) -> set[str]:
    """Codes that mean that something was changed."""
    tolerated = UNKNOWN_SIGNER.keys() | OUT_OF_DATE.keys()
    return {code for code in failure if code not in tolerated and not code.startswith(TIME_PREFIXES)}


def _describe_code(code: str) -> str:
    if code.endswith("Hash.mismatch"):
        return f"the file was changed after it was signed ({code})"
    if code.startswith(("assertion.", "claim")):
        return f"the credentials were changed after they were signed ({code})"
    return f"the credentials do not hold ({code})"


def validation_codes(results: Any) -> tuple[set[str], set[str]]:
    """Success and failure codes of a validation."""
    return list_codes(results, "success"), list_codes(results, "failure")


def list_codes(results: Any, kind: str) -> set[str]:
    """The ``success``, ``failure`` or ``informational`` codes of a validation."""
    return {code for entry in get_entries(results, kind) if (code := get_text(entry, "code"))}


def get_nested(value: Any, *keys: Any) -> Any:
    """A nested value of an untrusted document; None where the structure differs."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return value


def get_entries(value: Any, *keys: Any) -> list[Any]:
    """The first entries of a nested list."""
    entries = get_nested(value, *keys)
    return entries[:MAX_ENTRIES] if isinstance(entries, list) else []


def get_text(value: Any, *keys: Any) -> str | None:
    """A nested text as one line; None if it is none, or empty."""
    text = get_nested(value, *keys)
    return to_printable_line(text) if isinstance(text, str) and text else None


def to_printable_line(value: object) -> str:
    """One printable line: what a file says may end up on a terminal."""
    start = str(value)[: 4 * MAX_TEXT_LENGTH]
    text = "".join(letter if letter.isprintable() else " " for letter in start)
    return " ".join(text.split())[:MAX_TEXT_LENGTH]
