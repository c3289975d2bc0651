"""A fresh random sentence, read aloud: shows that a person who consents to the use of their voice is there today.

A recording that exists already, of other words, does not help: the words are drawn anew, are worth some 78 bits, and
must be said within a quarter of an hour. What the answer showed is a document of its own beside the record, signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from effigie.consent.canonical import damaged_error, json_digest, parse_document
from effigie.consent.document import Consent, _Document, is_id
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.sentence import MIN_WORDS_RIGHT, draw_sentence
from effigie.consent.signature import OPERATOR, VERSION, Signature
from effigie.consent.values import SHA256_PATTERN, TIME_FORMAT, check_text, parse_time, utc_now
from effigie.consent.voice_matching import MATCH_THRESHOLD
from effigie.errors import ConsentError, UsageError

CHALLENGE = "effigie voice challenge"
ANSWER = "effigie voice answer"
LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True)
class Challenge(_Document):
    """A sentence to be read aloud, for one record; an invalid signature raises.

    Attributes:
        consent: id of the record.
        sentence: the words.
        created: when it was drawn, UTC.
        signature: of who drew it.
    """

    consent: str
    sentence: str
    created: datetime
    signature: Signature

    KIND: ClassVar[str] = CHALLENGE

    def __post_init__(self) -> None:
        if not is_id(self.consent):
            raise UsageError("a consent's id is c- and 16 hex digits")
        check_text("the sentence", self.sentence, 300)
        if not self.signature.is_valid(CHALLENGE, json_digest(self.body())):
            raise ConsentError("its signature does not belong to it")

    @classmethod
    def create(cls, consent: Consent, key: SigningKey | None = None) -> Challenge:
        """Draw a sentence, by the system's randomness."""
        created, sentence = utc_now(), draw_sentence()
        digest = json_digest(_challenge_body(consent.id, sentence, created))
        signature = Signature.create(CHALLENGE, digest, OPERATOR, key or operator_key())
        return cls(consent.id, sentence, created, signature)

    @property
    def expires(self) -> datetime:
        """Until when it may be answered."""
        return self.created + LIFETIME

    def body(self) -> dict[str, str]:
        """JSON values of what is signed."""
        return _challenge_body(self.consent, self.sentence, self.created)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": CHALLENGE,
            "version": VERSION,
            "challenge": self.body(),
            "signatures": [self.signature.to_json()],
        }

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Challenge:
        document = parse_document(data, CHALLENGE, name, VERSION)
        try:
            body, (signature,) = document["challenge"], document["signatures"]
            if set(document) != {"format", "version", "challenge", "signatures"} or len(body) != 3:
                raise ValueError("its fields are not those of a challenge")
            created = parse_time(body["created"])
            return cls(body["consent"], body["sentence"], created, Signature.from_json(signature))
        except (ValueError, KeyError, TypeError, UsageError, ConsentError) as error:
            raise damaged_error(name, str(error)) from error


@dataclass(frozen=True)
class VoiceAnswer(_Document):
    """What the reading of a sentence showed; an invalid signature raises.

    Attributes:
        consent, digest: id of the record and hex SHA-256 of its terms.
        sentence: that was to be read.
        asked: when it was drawn, UTC.
        recording: hex SHA-256 of the file.
        words_right: per mille of the words.
        similarity: to the record's voice, per mille.
        signature: of who checked it.
    """

    consent: str
    digest: str
    sentence: str
    asked: datetime
    recording: str
    words_right: int
    similarity: int
    signature: Signature

    KIND: ClassVar[str] = ANSWER

    def __post_init__(self) -> None:
        if not is_id(self.consent) or not all(
            isinstance(one, str) and SHA256_PATTERN.fullmatch(one) for one in (self.digest, self.recording)
        ):
            raise UsageError("an answer names a record and a recording by their hashes")
        check_text("the sentence", self.sentence, 300)
        if not all(type(one) is int for one in (self.words_right, self.similarity)):
            raise UsageError("an answer says what was measured in whole numbers")
        if not self.signature.is_valid(ANSWER, json_digest(self.body())):
            raise ConsentError("its signature does not belong to it")

    @property
    def agrees(self) -> bool:
        """Whether words and voice agreed, by the limits of today."""
        return self.similarity >= 1000 * MATCH_THRESHOLD and self.words_right >= 1000 * MIN_WORDS_RIGHT

    def is_about(self, consent: Consent) -> bool:
        """Whether it belongs to this record."""
        return self.digest == consent.digest

    def body(self) -> dict[str, Any]:
        """JSON values of what is signed."""
        return {
            "consent": self.consent,
            "sha256": self.digest,
            "sentence": self.sentence,
            "asked": self.asked.strftime(TIME_FORMAT),
            "recording": self.recording,
            "words_right": self.words_right,
            "similarity": self.similarity,
        }

    def to_json(self) -> dict[str, Any]:
        return {"format": ANSWER, "version": VERSION, "answer": self.body(), "signatures": [self.signature.to_json()]}

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> VoiceAnswer:
        document = parse_document(data, ANSWER, name, VERSION)
        try:
            body, (signature,) = document["answer"], document["signatures"]
            if set(document) != {"format", "version", "answer", "signatures"} or len(body) != 7:
                raise ValueError("its fields are not those of an answer")
            return cls(
                body["consent"],
                body["sha256"],
                body["sentence"],
                parse_time(body["asked"]),
                body["recording"],
                body["words_right"],
                body["similarity"],
                Signature.from_json(signature),
            )
        except (ValueError, KeyError, TypeError, UsageError, ConsentError) as error:
            raise damaged_error(name, str(error)) from error


def sign_answer(fields: dict[str, Any], key: SigningKey) -> VoiceAnswer:
    """The answer of what was found, signed."""
    body = {
        "consent": fields["consent"],
        "sha256": fields["digest"],
        "sentence": fields["sentence"],
        "asked": fields["asked"].strftime(TIME_FORMAT),
        "recording": fields["recording"],
        "words_right": fields["words_right"],
        "similarity": fields["similarity"],
    }
    return VoiceAnswer(**fields, signature=Signature.create(ANSWER, json_digest(body), OPERATOR, key))


def _challenge_body(consent: str, sentence: str, created: datetime) -> dict[str, str]:
    return {"consent": consent, "sentence": sentence, "created": created.strftime(TIME_FORMAT)}
