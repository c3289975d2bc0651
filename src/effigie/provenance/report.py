"""Result of a verification: the verdict, and what each check found; as data, in sentences and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from effigie.io.stored_names import to_stored
from effigie.provenance.c2pa.reader import CredentialState
from effigie.provenance.ledger.ledger import LedgerEntry

Verdict = Literal["made-by-effigie", "marked-by-others", "broken", "nothing-found"]
MatchKind = Literal["id", "file", "pictures", "sound"]

VERDICTS = {
    "made-by-effigie": "made with effigie: a trained model put a person's likeness into it",
    "marked-by-others": "not known to be made with effigie; it carries content credentials of another program",
    "broken": "its content credentials are broken: the file was changed after it was signed, or the credentials were",
    "nothing-found": "no mark found. This does not mean that it is authentic: most programs set no marks, and marks "
    "can be removed",
}
STRENGTHS = {
    "attested": "attested by who made it",
    "granted": "granted by the person's own signature",
    "witnessed": "granted by the person before a camera or microphone",
}
SPEECH_VERDICT = "made with effigie: a trained model spoke it, and nobody ever said it so"


@dataclass(frozen=True)
class WatermarkReading:
    """The detected watermark.

    Attributes:
        id: the output's, 12 hex digits.
        confidence: 0 to 1.
        edits: what was done to the picture or sound since, in words, as far as the mark tells.
        by_ledger: it is one of this machine's ledger, and too faint to be read by whoever has another.
    """

    id: str
    confidence: float
    edits: tuple[str, ...] = ()
    by_ledger: bool = False


@dataclass(frozen=True)
class LedgerMatch:
    """The entry of this machine's ledger that matches a file.

    ``matched`` says by what: ``id`` (of mark or credentials), ``file`` (every byte), ``pictures`` (looks the same),
    ``sound`` (sounds the same).
    """

    entry: LedgerEntry
    matched: tuple[MatchKind, ...]

    @property
    def is_certain(self) -> bool:
        """Whether more than likeness speaks for it."""
        return "id" in self.matched or "file" in self.matched


@dataclass(frozen=True)
class ConsentStatus:
    """State of one consent record that the output rests on, as far as this machine knows it.

    ``strength`` is the record's; where the record is not on this machine, what intact credentials say, or None.
    """

    id: str
    state: str
    subject: str | None = None
    until: str | None = None
    strength: str | None = None


@dataclass(frozen=True)
class ConsentSummary:
    """Whether consent is valid today: the worst state of the records.

    ``valid``, ``revoked``, ``expired``, or ``unknown`` where a record is not on this machine or not begun.
    """

    state: str
    records: tuple[ConsentStatus, ...]


@dataclass(frozen=True)
class Verification:
    """Result of verifying one file.

    Attributes:
        verdict: ``made-by-effigie``, ``marked-by-others``, ``broken`` (credentials that do not hold) or
            ``nothing-found``.
        credentials, watermark, ledger, consent: what each reading gave; None for nothing.
        notes: readings that were not possible, a sentence each.
        sound_watermark: the mark in the sound, or None.
        has_pictures, has_sound: what the file holds, as far as it could be read.
    """

    path: Path
    verdict: Verdict
    credentials: CredentialState
    watermark: WatermarkReading | None
    ledger: LedgerMatch | None
    consent: ConsentSummary | None
    notes: tuple[str, ...] = ()
    sound_watermark: WatermarkReading | None = None
    has_pictures: bool = True
    has_sound: bool = False

    @property
    def _verdict_text(self) -> str:
        is_speech = self.verdict == "made-by-effigie" and self.has_sound and not self.has_pictures
        return SPEECH_VERDICT if is_speech else VERDICTS[self.verdict]

    @property
    def lines(self) -> tuple[str, ...]:
        """The verdict and what it rests on, in plain words."""
        lines = (
            f"{self.path.name}: {self._verdict_text}.",
            f"credentials: {_format_credentials(self.credentials)}.",
            *([f"invisible mark: {_format_mark(self.watermark, self.credentials)}."] if self._shows_mark else []),
            *([f"mark in the sound: {self._describe_sound_mark()}."] if self.has_sound else []),
            f"ledger of this machine: {_format_ledger(self.ledger)}.",
            *([f"consent: {_format_consent(self.consent)}."] if self.consent else []),
            *(f"note: {note}." for note in self.notes),
        )
        # Names and reasons come out of the file: a terminal must not obey what is written in them.
        return tuple("".join(letter if letter.isprintable() else "?" for letter in line) for line in lines)

    @property
    def _shows_mark(self) -> bool:
        return self.has_pictures or not self.has_sound

    def _describe_sound_mark(self) -> str:
        line = _format_mark(self.sound_watermark, self.credentials, "sound")
        ours, theirs = self.watermark, self.sound_watermark
        if ours is not None and theirs is not None and ours.id != theirs.id:
            line += f"; the pictures carry another, {ours.id}: they and the sound come from different outputs"
        return line

    def to_json(self) -> dict[str, Any]:
        """JSON values: ``verdict``, ``credentials``, ``watermark``, ``ledger``, ``consent``, ``sound_watermark``."""
        return {
            "verdict": self.verdict,
            "credentials": to_stored(self.credentials),
            "watermark": to_stored(self.watermark),
            "ledger": None if self.ledger is None else _ledger_json(self.ledger),
            "consent": to_stored(self.consent),
            "sound_watermark": to_stored(self.sound_watermark),
        }


def _ledger_json(match: LedgerMatch) -> dict[str, Any]:
    entry = match.entry
    return {
        "output_id": entry.output_id,
        "time": entry.time.isoformat(),
        "command": entry.command,
        "name": entry.name,
        "model_hash": entry.model_hash,
        "consents": list(entry.consents),
        "file_sha256": entry.file_sha256,
        "matched": list(match.matched),
    }


def _format_credentials(state: CredentialState) -> str:
    if state.state == "absent":
        return "none" + _format_problems(state)
    if state.state == "broken":
        return "broken" + _format_problems(state) + ". Nothing that they say can be relied on"
    signer = f"signed by {state.issuer or 'somebody who is not named'}"
    if state.state == "trusted":
        trust = "who is on a trust list of this machine"
    else:
        trust = "whom no trust list of this machine knows: that shows that it is whole, not who signed it"
    program = f", by its own word made with {state.generator}" if state.generator else ""
    return f"valid, nothing was changed since; {signer}, {trust}{program}{_format_problems(state)}"


def _format_problems(state: CredentialState) -> str:
    return f" ({'; '.join(state.problems)})" if state.problems else ""


def _format_mark(mark: WatermarkReading | None, credentials: CredentialState, medium: str = "picture") -> str:
    if mark is None:
        return "none found"
    line = f"output {mark.id}, confidence {mark.confidence:.2f}"
    if mark.by_ledger:
        line += "; too faint to be read, but told from the other ids of this machine's ledger"
    if mark.edits:
        line += f"; the {medium} was {', '.join(mark.edits)}"
    claimed_id = credentials.output_id
    if claimed_id and claimed_id != mark.id:
        line += (
            f"; the credentials name another output, {claimed_id}, so this file holds parts of both or one was copied"
        )
    if credentials.state not in ("valid", "trusted"):
        line += "; its key is public and anybody could set it: a sign, no proof"
    return line


def _format_ledger(match: LedgerMatch | None) -> str:
    if match is None:
        return "no such output"
    entry = match.entry
    origin = f"output {entry.output_id}, {entry.name}, by `effigie {entry.command}` on {entry.time:%Y-%m-%d %H:%M} UTC"
    if match.matched == ("pictures",):
        return f"it looks like {origin}. The clip that it was made from looks alike, too: a hint, no proof"
    if match.matched == ("sound",):
        return f"it sounds like {origin}. What that was made from may sound alike, too: a hint, no proof"
    if "file" in match.matched:
        return f"{origin}; this is that file, byte for byte"
    if "pictures" in match.matched:
        return f"{origin}; this file was changed since and looks the same"
    if "sound" in match.matched:
        return f"{origin}; this file was changed since and sounds the same"
    if not entry.fingerprints and entry.sound_fingerprints:
        return f"{origin}; this file was changed since and sounds different, as after cutting or in a copy"
    return f"{origin}; this file was changed since and looks different, as after cropping or in a copy"


def _format_consent(consent: ConsentSummary) -> str:
    texts = {
        "valid": "valid today",
        "revoked": "REVOKED: it should not be shown any more",
        "expired": "run out",
        "unknown": "unknown, the record is not on this machine",
        "not yet valid": "not yet begun",
    }
    return "; ".join(
        f"{record.subject + ', ' if record.subject else ''}{record.id}: {texts[record.state]}"
        + (f" (until {record.until})" if record.until else "")
        + (f", {STRENGTHS[record.strength]}" if record.strength in STRENGTHS else "")
        for record in consent.records
    )
