"""Fresh sentences for the page Voices: drawn for a record, and what the readings of them showed."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any

from effigie.errors import ConsentError, UsageError
from effigie.studio.grants import MAX_CHALLENGES, NONCE
from effigie.studio.handles import UnknownIdError
from effigie.studio.workspace import Workspace

ANSWER_SUFFIX = ".answer.json"


def draw_sentence(workspace: Workspace, record: Any) -> dict[str, Any]:
    """Draw a sentence for the person of a record, and keep it; what the page shows of it.

    Raises:
        UsageError: no record's id, or it holds no voice to compare with.
        ConsentError: there is no such record.
    """
    from effigie.consent.challenge import Challenge
    from effigie.consent.document import is_id

    if not isinstance(record, str) or not is_id(record):
        raise UsageError("record: choose one")
    consent = workspace.store.locate(record)[0]
    if not consent.voices:
        raise UsageError(f"the record of {consent.subject} holds no voice: make one from a recording")
    challenge, nonce, folder = Challenge.create(consent), secrets.token_hex(16), workspace.private / "readings"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[: -MAX_CHALLENGES + 1]:
        old.unlink(missing_ok=True)
    challenge.save(folder / f"{nonce}.json")
    return {
        "nonce": nonce,
        "subject": consent.subject,
        "sentence": challenge.sentence,
        "expires": challenge.expires.isoformat(),
    }


def find_reading(workspace: Workspace, nonce: str) -> Path:
    """The file of a sentence that was drawn here.

    Raises:
        UnknownIdError: there is none.
    """
    path = workspace.private / "readings" / f"{nonce}.json"
    if NONCE.fullmatch(nonce) and path.is_file():
        return path
    raise UnknownIdError("there is no such sentence: draw another")


def answer_path(workspace: Workspace, nonce: str) -> Path:
    """Where the answer to a sentence goes: it is evidence, and stays."""
    return workspace.root / "evidence" / f"reading-{nonce}{ANSWER_SUFFIX}"


def list_answers(workspace: Workspace) -> list[dict[str, Any]]:
    """What readings showed, the newest first: of which record, and how much of the sentence was heard."""
    from effigie.consent.challenge import VoiceAnswer

    rows = []
    for path in (workspace.root / "evidence").glob(f"*{ANSWER_SUFFIX}"):
        with contextlib.suppress(ConsentError, OSError):
            answer = VoiceAnswer.load(path)
            rows.append(
                {
                    "id": workspace.handles.issue(path),
                    "record": answer.consent,
                    "sentence": answer.sentence,
                    "asked": answer.asked.isoformat(),
                    "words_right": answer.words_right / 1000,
                    "agrees": answer.agrees,
                }
            )
    return sorted(rows, key=lambda one: str(one["asked"]), reverse=True)
