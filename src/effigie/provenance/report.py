"""Result of a verification: the verdict, and what each check found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from effigie.io.stored_names import to_stored
from effigie.provenance.c2pa.reader import CredentialState
from effigie.provenance.ledger.ledger import LedgerEntry
from effigie.provenance.verification_text import format_lines

Verdict = Literal["made-by-effigie", "marked-by-others", "broken", "nothing-found"]
MatchKind = Literal["id", "file", "pictures"]


@dataclass(frozen=True)
class WatermarkReading:
    """The detected watermark: the output's id, 12 hex digits, and the confidence, 0 to 1."""

    id: str
    confidence: float


@dataclass(frozen=True)
class LedgerMatch:
    """The entry of this machine's ledger that matches a file.

    Attributes:
        entry: what was recorded.
        matched: by what: ``id`` (of mark or credentials), ``file`` (every byte), ``pictures`` (looks the same).
    """

    entry: LedgerEntry
    matched: tuple[MatchKind, ...]


@dataclass(frozen=True)
class ConsentStatus:
    """State of one consent record that the output rests on, as far as this machine knows it."""

    id: str
    state: str
    subject: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class ConsentSummary:
    """Whether consent is valid today; the worst state of the records.

    Attributes:
        state: ``valid``, ``revoked``, ``expired``, or ``unknown`` where a record is not on this machine or not begun.
        records: each of them.
    """

    state: str
    records: tuple[ConsentStatus, ...]


@dataclass(frozen=True)
class Verification:
    """Result of verifying one file.

    Attributes:
        path: the file.
        verdict: ``made-by-effigie``, ``marked-by-others``, ``broken`` (credentials that do not hold) or
            ``nothing-found``.
        credentials, watermark, ledger, consent: what each reading gave; None for nothing.
        notes: readings that were not possible, a sentence each.
    """

    path: Path
    verdict: Verdict
    credentials: CredentialState
    watermark: WatermarkReading | None
    ledger: LedgerMatch | None
    consent: ConsentSummary | None
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The verdict and what it rests on, in plain words."""
        return format_lines(self)

    def to_json(self) -> dict[str, Any]:
        """JSON values: ``verdict``, ``credentials``, ``watermark``, ``ledger``, ``consent``."""
        return {
            "verdict": self.verdict,
            "credentials": to_stored(self.credentials),
            "watermark": to_stored(self.watermark),
            "ledger": None if self.ledger is None else _ledger_json(self.ledger),
            "consent": to_stored(self.consent),
        }


def _ledger_json(known: LedgerMatch) -> dict[str, Any]:
    entry = known.entry
    return {
        "output_id": entry.output_id,
        "time": entry.time.isoformat(),
        "command": entry.command,
        "name": entry.name,
        "model_hash": entry.model_hash,
        "consents": list(entry.consents),
        "file_sha256": entry.file_sha256,
        "matched": list(known.matched),
    }
