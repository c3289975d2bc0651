"""A fresh random sentence, read aloud: shows that a person who consents to the use of their voice is there today.

A recording that exists already, of other words, does not help: the words are drawn anew, are worth some 39 bits, and
must be said within a quarter of an hour. What the answer showed is a document of its own beside the record, signed.
"""

from __future__ import annotations

import difflib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from effigie.consent.canonical import damaged_error, json_digest, parse_document
from effigie.consent.document import Consent, _Document, is_id
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.signature import OPERATOR, VERSION, Signature
from effigie.consent.terms import SHA256_PATTERN, TIME_FORMAT, check_text, parse_time, utc_now
from effigie.consent.voice_matching import MATCH_THRESHOLD, measure_similarity
from effigie.errors import ConsentError, MediaError, RefusedError, UsageError
from effigie.io.atomic_write import sha256
from effigie.progress import CancelToken

CHALLENGE = "effigie voice challenge"
ANSWER = "effigie voice answer"
LIFETIME = timedelta(minutes=15)
MAX_ANSWER_S = 60.0
MIN_WORDS_RIGHT = 0.75
"""Of the eight words that were drawn, in order: the recognizer, which is given no hint, mishears one now and then."""
RATE = 16000

# Each list has words that are common, that a recognizer tells apart and that sound unlike each other.
ADJECTIVES = (
    *(
        "brown",
        "cold",
        "early",
        "famous",
        "gentle",
        "heavy",
        "hungry",
        "little",
        "modern",
        "narrow",
        "orange",
        "plastic",
    ),
    *("purple", "quiet", "rapid", "silver", "simple", "sleepy", "sudden", "tiny", "upper", "warm"),
    *("western", "yellow", "ancient", "broken", "careful", "double", "empty", "foreign", "golden", "happy"),
)
NOUNS = (
    *("apple", "basket", "button", "camera", "castle", "chicken", "doctor", "dragon", "engine", "farmer", "forest"),
    *("garden", "hammer", "island", "jacket", "kitchen", "ladder", "lemon", "market", "monkey", "mountain", "number"),
    *("office", "paper", "pencil", "pocket", "rabbit", "river", "school", "shoulder", "summer", "table", "teacher"),
    *("ticket", "tiger", "tomato", "tower", "valley", "village", "window", "winter", "writer", "banana", "bicycle"),
    *("blanket", "bottle", "bridge", "candle", "circle", "coffee", "corner", "cotton", "dinner", "father", "flower"),
    *("guitar", "hospital", "letter", "machine", "museum", "palace", "planet", "potato", "station"),
)
VERBS = (
    *("carries", "follows", "visits", "paints", "discovers", "remembers", "forgets", "borrows", "watches", "measures"),
    *("protects", "repairs", "answers", "describes", "collects", "delivers"),
)
PLACES = ("behind", "under", "beside", "without", "before", "near", "after", "against")


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
        created, sentence = utc_now(), _draw_sentence()
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


def answer_challenge(
    challenge: Challenge,
    recording: str | Path,
    consent: Consent,
    *,
    key: SigningKey | None = None,
    now: datetime | None = None,
    cancel: CancelToken | None = None,
) -> VoiceAnswer:
    """Check a reading of the sentence, and sign what was found.

    Args:
        recording: of the sentence, a minute at most; sound or video.
        consent: the record that the challenge was made for.
        key: of who checks; by default that of this account.

    Raises:
        RefusedError: too late, other words, another voice, or a challenge by somebody else or for another record.
        MediaError: the recording cannot be read, or holds no speech.
    """
    key, path = key or operator_key(), Path(recording)
    if challenge.consent != consent.id or challenge.signature.public_key != key.public_key:
        raise RefusedError(
            f"the sentence was not drawn here for {consent.id}: ask for a new one with `effigie consent challenge`"
        )
    moment = now or utc_now()
    if not challenge.created - timedelta(minutes=1) <= moment <= challenge.expires:
        raise RefusedError(
            f"the sentence was to be read until {challenge.expires:%H:%M} UTC and it is {moment:%H:%M}: draw a new one"
        )
    if not consent.voices:
        raise RefusedError(f"{consent.id} holds no voice to compare with: make it again with --voice RECORDING")
    # Imported when all else holds: the networks behind them take a while.
    from effigie.media.sound import Sound, read_sound
    from effigie.speech.recognizer import recognize
    from effigie.speech.speaker import embed_speaker

    sound = read_sound(path, RATE, duration=MAX_ANSWER_S + 1)
    if sound.duration > MAX_ANSWER_S:
        raise MediaError(f"{path} is longer than {MAX_ANSWER_S:.0f} s: record the sentence alone")
    mono = Sound(sound.mono()[None], RATE)
    heard = " ".join(word.text for word in recognize(mono, "en", cancel))
    right = measure_words(challenge.sentence, heard)
    if right < MIN_WORDS_RIGHT:
        raise RefusedError(
            f"{path} says {_shorten(heard)!r} and not the sentence {challenge.sentence!r}: read that one aloud"
        )
    embeddings = {name: vector[None] for name, vector in embed_speaker(mono).items()}
    similarity = float(measure_similarity(consent.voices, embeddings)[0])
    if similarity < MATCH_THRESHOLD:
        raise RefusedError(
            f"the voice in {path} is not known as that of {consent.subject} ({similarity:.2f} of {MATCH_THRESHOLD} "
            "needed): the person of the record reads it, with the same microphone, without music or others"
        )
    body = {
        "consent": consent.id,
        "digest": consent.digest,
        "sentence": challenge.sentence,
        "asked": challenge.created,
        "recording": sha256(path),
        "words_right": round(1000 * right),
        "similarity": int(np.floor(1000 * similarity)),
    }
    return _sign_answer(body, key)


def measure_words(sentence: str, heard: str) -> float:
    """Share of a sentence's words that were heard, in their order, 0 to 1; words between them do not count."""
    wanted, found = _words(sentence), _words(heard)
    matcher = difflib.SequenceMatcher(None, wanted, found, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / max(1, len(wanted))


def _sign_answer(fields: dict[str, Any], key: SigningKey) -> VoiceAnswer:
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


def _draw_sentence() -> str:
    draw = secrets.choice
    first, second, third = (_pair(draw) for _ in range(3))
    return f"the {first} {draw(VERBS)} the {second} {draw(PLACES)} the {third}"


def _pair(draw: Any) -> str:
    return f"{draw(ADJECTIVES)} {draw(NOUNS)}"


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+", text.lower()) if word != "the"]


def _shorten(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return printable if len(printable) <= 120 else printable[:117] + "..."
