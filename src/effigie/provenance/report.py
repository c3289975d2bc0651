"""What a verification found, as values: the verdict, and what each reading gave."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from effigie.provenance.c2pa.reader import CredentialState
from effigie.provenance.ledger.ledger import Entry
from effigie.provenance.verification_text import lines

Verdict = Literal["made-by-effigie", "marked-by-others", "broken", "nothing-found"]
Matched = Literal["id", "file", "pictures"]


@dataclass(frozen=True)
class Mark:
    """The invisible mark: the output's id, 12 hex digits, and how sure it is, 0 to 1."""

    id: str
    confidence: float


@dataclass(frozen=True)
class Known:
    """The output that this machine's ledger knows.

    Attributes:
        entry: what was recorded.
        matched: by what: ``id`` (of mark or credentials), ``file`` (every byte), ``pictures`` (looks the same).
    """

    entry: Entry
    matched: tuple[Matched, ...]


@dataclass(frozen=True)
class Agreed:
    """One consent record that the output rests on, as far as this machine knows it."""

    id: str
    state: str
    subject: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class ConsentNow:
    """Whether consent holds today; the state of the worst of the records.

    Attributes:
        state: ``valid``, ``revoked``, ``expired``, or ``unknown`` where a record is not on this machine or not begun.
        records: each of them.
    """

    state: str
    records: tuple[Agreed, ...]


@dataclass(frozen=True)
class Verification:
    """All that was found.

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
    watermark: Mark | None
    ledger: Known | None
    consent: ConsentNow | None
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The verdict and what it rests on, in plain words."""
        return lines(self)

    def to_json(self) -> dict[str, Any]:
        """JSON values: ``verdict``, ``credentials``, ``watermark``, ``ledger``, ``consent``."""
        return {
            "verdict": self.verdict,
            "credentials": asdict(self.credentials),
            "watermark": asdict(self.watermark) if self.watermark else None,
            "ledger": _ledger_json(self.ledger) if self.ledger else None,
            "consent": asdict(self.consent) if self.consent else None,
        }


def _ledger_json(known: Known) -> dict[str, Any]:
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
