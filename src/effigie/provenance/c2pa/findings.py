"""What the C2PA library found in a manifest, judged, and values taken from what a stranger wrote."""

from __future__ import annotations

from typing import Any, Literal

State = Literal["trusted", "valid", "broken", "absent"]

LONGEST_TEXT = 500  # characters of anything that a file says
MOST_ENTRIES = 100
UNKNOWN_SIGNER = {"signingCredential.untrusted": "its signer is not on a trust list of this machine"}
"""Findings that do not touch what was signed: the signature and the hashes hold."""
OUT_OF_DATE = {
    "signingCredential.expired": "its certificate has run out, and no time stamp says that it was signed before",
    "claimSignature.outsideValidity": "its certificate has run out, and no time stamp says that it was signed before",
}
NO_TIME = ("timeStamp.", "timeOfSigning.")
"""A time stamp that cannot be trusted says nothing; the signature holds without it."""
SPOILT_TIME = {"timeStamp.malformed", "timeStamp.mismatch", "timeStamp.outsideValidity"}
"""A time stamp that was changed, or never fitted. Readers pass over it; in an output of effigie none stands."""


def judged(success: set[str], failure: set[str]) -> tuple[State, tuple[str, ...]]:
    """The state that findings amount to, and what they mean in words."""
    changed = sorted(serious(failure))
    if changed or "claimSignature.validated" not in success:
        return "broken", tuple(map(_words, changed)) or ("its signature does not hold",)
    problems = [text for code, text in UNKNOWN_SIGNER.items() if code in failure]
    problems += sorted({text for code, text in OUT_OF_DATE.items() if code in failure})
    trusted = "signingCredential.trusted" in success and not failure & (UNKNOWN_SIGNER | OUT_OF_DATE).keys()
    return ("trusted" if trusted else "valid"), tuple(problems)


def serious(failure: set[str]) -> set[str]:
    """Those that mean that something was changed."""
    tolerated = UNKNOWN_SIGNER.keys() | OUT_OF_DATE.keys()
    return {code for code in failure if code not in tolerated and not code.startswith(NO_TIME)}


def _words(code: str) -> str:
    if code.endswith("Hash.mismatch"):
        return f"the file was changed after it was signed ({code})"
    if code.startswith(("assertion.", "claim")):
        return f"the credentials were changed after they were signed ({code})"
    return f"the credentials do not hold ({code})"


def findings(results: Any) -> tuple[set[str], set[str]]:
    """Codes of what was found to hold and not to hold."""
    success, failure = (
        {code for code in (string(get(entry, "code")) for entry in entries(get(results, kind))) if code}
        for kind in ("success", "failure")
    )
    return success, failure


def notes(results: Any) -> set[str]:
    """Codes of what is neither good nor bad by the standard."""
    found = (string(get(entry, "code")) for entry in entries(get(results, "informational")))
    return {code for code in found if code}


def get(value: Any, *keys: Any) -> Any:
    """A value deep in what a stranger wrote; None where the shape is another."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) and isinstance(key, str) else None
    return value


def entries(value: Any) -> list[Any]:
    """The first of a list that a stranger wrote."""
    return value[:MOST_ENTRIES] if isinstance(value, list) else []


def string(value: Any) -> str | None:
    """A text that a stranger wrote, as one line; None if it is none."""
    return line(value) if isinstance(value, str) and value else None


def line(value: object) -> str:
    """One printable line: what a file says may end up on a terminal."""
    text = "".join(
        character if character.isprintable() else " " for character in str(value)[: 4 * LONGEST_TEXT]
    )
    return " ".join(text.split())[:LONGEST_TEXT]
