"""Terms of a consent: subject, uses, period, basis, evidence and reference embeddings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import numpy as np

from effigie.arrays import Embedding
from effigie.consent.canonical import json_digest, pack_vectors, unpack_vectors
from effigie.consent.values import SHA256_PATTERN, TIME_FORMAT, check_text, parse_date, parse_time
from effigie.consent.witness import Witness
from effigie.errors import UsageError

USES = ("swap", "animate", "voice")
STRENGTHS = ("attested", "granted", "witnessed")
EVIDENCE_KINDS = ("document", "recording", "reference")
EMBEDDING_NETWORK = "sface"  # whose embeddings a record holds; those of another network cannot be compared
EMBEDDING_SIZE = 128
VOICE_NETWORKS = ("resemblyzer", "voicefilter")  # whose embeddings of a voice a record holds, both or neither
VOICE_EMBEDDING_SIZE = 256
MAX_VOICE_REFERENCES = 21  # by each: of three recordings under seven conditions
MAX_REFERENCES = 8  # a record is biometric data: it holds as little of a face as recognising it takes
MAX_EVIDENCE = 100
MAX_NAME_LENGTH, MAX_TEXT_LENGTH = 200, 2000  # characters
ID_PATTERN = re.compile(r"c-[0-9a-f]{16}")

_KEYS = {
    *("subject", "uses", "project", "territory", "begins", "until", "evidence", "basis", "strength"),
    *("network", "embeddings", "created"),
}


@dataclass(frozen=True)
class Evidence:
    """A piece of evidence, by hash: the file itself stays with whoever keeps it.

    Attributes:
        kind: ``document`` (a release form), ``recording`` or ``reference`` (a picture the embeddings are of).
        sha256: of its bytes, hex.
        note: in words, its file name at least.
    """

    kind: str
    sha256: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in EVIDENCE_KINDS:
            raise UsageError(f"evidence is of kind {', '.join(EVIDENCE_KINDS)}, not {self.kind!r}")
        if not isinstance(self.sha256, str) or not SHA256_PATTERN.fullmatch(self.sha256):
            raise UsageError("evidence is named by the 64 hex digits of its SHA-256")
        check_text("the note on evidence", self.note, MAX_NAME_LENGTH, empty=True)

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return {"kind": self.kind, "sha256": self.sha256, "note": self.note}

    @classmethod
    def from_json(cls, piece: Any) -> Evidence:
        """The piece of evidence that a document describes; ValueError if it describes none."""
        if not isinstance(piece, dict) or set(piece) != {"kind", "sha256", "note"}:
            raise ValueError("a piece of evidence has kind, sha256 and note")
        return cls(**piece)


@dataclass(frozen=True, eq=False, kw_only=True)
class Terms:
    """The body of a consent: everything that is signed.

    Attributes:
        subject: whose likeness it is.
        uses: what may be made of it, of :data:`USES`, in that order.
        purpose: the only project or purpose it is for; None for any. Called ``project`` in documents.
        territory: where outputs may be shown; None for anywhere. Recorded, not enforced: files travel.
        begins: first day.
        until: last day; None for no end.
        evidence: hashes of what it rests on.
        basis: what it rests on in words, such as "signed release" or "public domain".
        strength: ``attested``: the operator says so. ``granted``: the subject signed. ``witnessed``: the subject did
            what a random challenge asked for, before a camera or microphone.
        embeddings: (n, 128) float32 unit, n of 1 to 8, of the subject's face; none in a record of a voice alone; not
            writable.
        created: when it was written, UTC, whole seconds.
        voices: network → (n, 256) float32 unit, n of 1 to 21, of the subject's voice; empty in a record of a face alone
            and in those of before 0.2.
        witness: what the answer to the challenge showed, of a witnessed record; else None.
    """

    subject: str
    uses: tuple[str, ...]
    purpose: str | None
    territory: str | None
    begins: date
    until: date | None
    evidence: tuple[Evidence, ...]
    basis: str
    strength: str
    embeddings: Embedding
    created: datetime
    voices: Mapping[str, np.ndarray] = field(default_factory=dict)
    witness: Witness | None = None

    def __post_init__(self) -> None:
        check_text("the subject's name", self.subject, MAX_NAME_LENGTH)
        check_text("the basis", self.basis, MAX_TEXT_LENGTH, empty=True)
        for name, text in (("purpose", self.purpose), ("territory", self.territory)):
            if text is not None:
                check_text(f"the {name}", text, MAX_NAME_LENGTH)
        if not self.uses or self.uses != tuple(use for use in USES if use in self.uses):
            raise UsageError(f"uses are some of {', '.join(USES)}, each once and in that order, not {self.uses}")
        if self.strength not in STRENGTHS:
            raise UsageError(f"strength is {' or '.join(STRENGTHS)}, not {self.strength!r}")
        if (self.strength == "witnessed") != (self.witness is not None):
            raise UsageError("a witnessed record, and no other, holds what the answer to its challenge showed")
        if self.until is not None and self.until < self.begins:
            raise UsageError(f"the consent would end ({self.until}) before it begins ({self.begins})")
        if len(self.evidence) > MAX_EVIDENCE:
            raise UsageError(f"{len(self.evidence)} pieces of evidence: {MAX_EVIDENCE} at most")
        if self.created.tzinfo is None or self.created.microsecond:
            raise UsageError("a record's time is in UTC and whole seconds")
        if self.voices and set(self.voices) != set(VOICE_NETWORKS):
            raise UsageError(f"a record holds a voice by {' and '.join(VOICE_NETWORKS)}, not {', '.join(self.voices)}")
        fewest = 0 if self.voices else 1
        faces = _check_vectors(self.embeddings, EMBEDDING_SIZE, fewest, MAX_REFERENCES)
        object.__setattr__(self, "embeddings", faces)
        voices = {
            name: _check_vectors(self.voices[name], VOICE_EMBEDDING_SIZE, 1, MAX_VOICE_REFERENCES)
            for name in VOICE_NETWORKS
            if self.voices
        }
        object.__setattr__(self, "voices", MappingProxyType(voices))

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical body, without signatures."""
        return json_digest(self.body())

    @property
    def id(self) -> str:
        """``c-`` and the first 16 hex digits of :attr:`digest`."""
        return f"c-{self.digest[:16]}"

    @property
    def is_bare(self) -> bool:
        """Whether nothing but the operator's word says that the subject consents: no grant of theirs, no evidence."""
        return self.strength == "attested" and all(piece.kind == "reference" for piece in self.evidence)

    def body(self) -> dict[str, Any]:
        """JSON values of everything that is signed."""
        voices = {name: pack_vectors(vectors) for name, vectors in self.voices.items()}
        extra: dict[str, Any] = {"voices": voices} if voices else {}
        if self.witness is not None:
            extra["witness"] = self.witness.to_json()
        return extra | {
            "subject": self.subject,
            "uses": list(self.uses),
            "project": self.purpose,
            "territory": self.territory,
            "begins": self.begins.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "evidence": [piece.to_json() for piece in self.evidence],
            "basis": self.basis,
            "strength": self.strength,
            "network": EMBEDDING_NETWORK,
            "embeddings": pack_vectors(self.embeddings),
            "created": self.created.strftime(TIME_FORMAT),
        }

    @classmethod
    def parse_fields(cls, body: Any) -> dict[str, Any]:
        """The fields that a body from a file describes; ValueError or UsageError if it describes none."""
        if not isinstance(body, dict) or set(body) - {"voices", "witness"} != _KEYS:
            raise ValueError("its fields are not those of a consent")
        if body["network"] != EMBEDDING_NETWORK:
            raise ValueError(f"its embeddings are of another network, {str(body['network'])[:40]!r}")
        for key in ("subject", "basis", "strength", "begins", "embeddings", "created"):
            if not isinstance(body[key], str):
                raise ValueError(f"{key} is no text")
        uses, evidence, voices = body["uses"], body["evidence"], body.get("voices", {})
        if not isinstance(voices, dict) or ("voices" in body and set(voices) != set(VOICE_NETWORKS)):
            raise ValueError("its voices are not by the networks that are known")
        if not all(isinstance(text, str) for text in voices.values()):
            raise ValueError("voices are no text")
        if not isinstance(uses, list) or not all(isinstance(use, str) for use in uses):
            raise ValueError("uses are no list of words")
        if not isinstance(evidence, list):
            raise ValueError("evidence is no list")
        return {
            "subject": body["subject"],
            "uses": tuple(uses),
            "purpose": body["project"],
            "territory": body["territory"],
            "begins": parse_date(body["begins"]),
            "until": None if body["until"] is None else parse_date(body["until"]),
            "evidence": tuple(Evidence.from_json(piece) for piece in evidence),
            "basis": body["basis"],
            "strength": body["strength"],
            "embeddings": unpack_vectors(body["embeddings"], EMBEDDING_SIZE)
            if body["embeddings"]
            else np.zeros((0, EMBEDDING_SIZE), np.float32),
            "created": parse_time(body["created"]),
            "voices": {name: unpack_vectors(text, VOICE_EMBEDDING_SIZE) for name, text in voices.items()},
            "witness": Witness.from_json(body["witness"]) if "witness" in body else None,
        }


def _check_vectors(values: np.ndarray, width: int, fewest: int, most: int) -> np.ndarray:
    """Unit vectors as float32 that cannot be written to."""
    vectors = np.array(values, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != width or not fewest <= len(vectors) <= most:
        raise UsageError(f"a record holds {fewest} to {most} embeddings of {width} numbers, not {vectors.shape}")
    if not (np.abs(vectors) < 2).all() or (np.abs(np.linalg.norm(vectors, axis=1) - 1) > 1e-3).any():
        raise UsageError("a record's embeddings have length one")
    vectors.setflags(write=False)
    return vectors
