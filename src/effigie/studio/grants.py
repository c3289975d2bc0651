"""Granting at the studio's own camera: a challenge is drawn for the page, and the clip that answers it taken in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import EffigieError, UsageError
from effigie.studio.handles import UnknownIdError
from effigie.studio.workspace import Workspace

if TYPE_CHECKING:
    from effigie.consent.document import Consent, ConsentRequest

NONCE = re.compile(r"[0-9a-f]{32}")
CLIP_SUFFIXES = {"video/webm": ".webm", "video/mp4": ".mp4", "audio/webm": ".webm", "audio/mp4": ".m4a"}
MAX_CLIP_BYTES = 512 << 20
MAX_CHALLENGES = 50  # that are kept: older ones have run out


def describe_terms(terms: ConsentRequest | Consent) -> dict[str, Any]:
    """The terms that a person is asked to grant, for the page to show before the camera runs."""
    return {
        "subject": terms.subject,
        "uses": list(terms.uses),
        "purpose": terms.purpose,
        "territory": terms.territory,
        "begins": terms.begins.isoformat(),
        "until": terms.until and terms.until.isoformat(),
        "basis": terms.basis,
        "face": len(terms.embeddings) > 0,
        "voice": bool(terms.voices),
    }


def draw_challenge(workspace: Workspace, terms: ConsentRequest | Consent, sound: bool) -> dict[str, Any]:
    """Draw a challenge and keep it; what the page shows of it.

    Raises:
        UsageError: terms of a voice without sound.
        ConsentError: the request is somebody else's.
    """
    from effigie.consent.grant_challenge import GrantChallenge

    challenge = GrantChallenge.create(terms, sound=sound)
    folder = workspace.private / "challenges"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[: -MAX_CHALLENGES + 1]:
        old.unlink(missing_ok=True)
    challenge.save(folder / f"{challenge.nonce}.json")
    return {
        "nonce": challenge.nonce,
        "steps": list(challenge.steps),
        "sentence": challenge.sentence,
        "expires": challenge.expires.isoformat(),
    }


def find_challenge(workspace: Workspace, nonce: Any) -> Path:
    """The file of a challenge that was drawn here.

    Raises:
        UnknownIdError: there is none.
    """
    if isinstance(nonce, str) and NONCE.fullmatch(nonce):
        path = workspace.private / "challenges" / f"{nonce}.json"
        if path.is_file():
            return path
    raise UnknownIdError("there is no such challenge: begin again")


def choose_clip(workspace: Workspace, nonce: str, kind: str) -> Path:
    """Where the clip that answers a challenge goes: it is evidence, and stays.

    Args:
        kind: media type that the browser recorded.

    Raises:
        UsageError: a kind that browsers do not record.
    """
    suffix = CLIP_SUFFIXES.get(kind.partition(";")[0].strip().lower())
    if suffix is None:
        raise UsageError(f"WebM and MP4 are taken, not {kind[:60]!r}: film with another browser")
    find_challenge(workspace, nonce)
    return workspace.root / "evidence" / f"grant-{nonce}{suffix}"


def find_clip(workspace: Workspace, nonce: str) -> Path:
    """The clip that was sent for a challenge.

    Raises:
        UsageError: none was.
    """
    paths = [workspace.root / "evidence" / f"grant-{nonce}{suffix}" for suffix in dict.fromkeys(CLIP_SUFFIXES.values())]
    for path in paths:
        if path.is_file():
            return path
    raise UsageError("the clip has not arrived: send it again")


def load_terms(workspace: Workspace, fields: dict[str, Any]) -> ConsentRequest | Consent:
    """The request of the id in ``request``, or the record of that in ``record``.

    Raises:
        EffigieError: there is none, or it is damaged.
    """
    from effigie.consent.document import ConsentRequest, is_id

    record = fields.get("record")
    if isinstance(record, str) and is_id(record):
        return workspace.store.locate(record)[0]
    handle = fields.get("request")
    if not isinstance(handle, str):
        raise UsageError("request: choose one")
    return ConsentRequest.load(workspace.handles.resolve(handle))


def list_granted(workspace: Workspace) -> set[str]:
    """Digests of the requests that became records, by signature or before a camera."""
    digests = set()
    for stored in workspace.store.list():
        record = stored.consent
        digests.add(record.digest if record.witness is None else record.witness.request)
    return digests


def is_own(terms: ConsentRequest | Consent) -> bool:
    """Whether it was made with this account's key, so that its challenge is drawn and checked here."""
    from effigie.consent.keys import operator_key

    try:
        return terms.signatures[0].public_key == operator_key().public_key
    except EffigieError:
        return False
