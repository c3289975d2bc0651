"""A random challenge by whose answer a person grants what they were asked: motions before a camera, words read aloud.

The order of the motions and the words are drawn anew each time and hold for a quarter of an hour, so that footage that
exists already answers hardly any of them. What an answer must show is checked in :mod:`effigie.granting`.
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from effigie.consent.canonical import canonical_json, damaged_error, json_digest, parse_document
from effigie.consent.document import Consent, ConsentRequest, _Document
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.sentence import draw_sentence
from effigie.consent.signature import CONSENT, OPERATOR, REQUEST, SUBJECT, VERSION, Signature
from effigie.consent.terms import Evidence, Terms
from effigie.consent.values import TIME_FORMAT, parse_time, utc_now
from effigie.consent.witness import BLINK, STEPS, TURN_LEFT, TURN_RIGHT, Witness, check_steps
from effigie.errors import ConsentError, UsageError

GRANT_CHALLENGE = "effigie consent challenge"
LIFETIME = timedelta(minutes=15)
STEP_COUNT = 5


@dataclass(frozen=True)
class GrantChallenge(_Document):
    """What a person is to do before a camera, or say, to grant terms; an invalid signature raises.

    Attributes:
        request: the request, or the record that is to rest on more than it does.
        steps: motions in order, of :data:`~effigie.consent.witness.STEPS`; none for a voice alone.
        sentence: to be read aloud after them; None without sound.
        created: when it was drawn, UTC.
        nonce: 32 hex digits that no other challenge has.
        signature: of who drew it.
    """

    request: ConsentRequest | Consent
    steps: tuple[str, ...]
    sentence: str | None
    created: datetime
    nonce: str
    signature: Signature

    KIND: ClassVar[str] = GRANT_CHALLENGE

    def __post_init__(self) -> None:
        check_steps(self.steps, self.sentence)
        if not isinstance(self.nonce, str) or len(self.nonce) != 32 or set(self.nonce) - set("0123456789abcdef"):
            raise UsageError("a challenge is named by 32 hex digits")
        if not self.signature.is_valid(GRANT_CHALLENGE, json_digest(self.body())):
            raise ConsentError("its signature does not belong to it")

    @classmethod
    def create(
        cls, request: ConsentRequest | Consent, key: SigningKey | None = None, *, sound: bool = True
    ) -> GrantChallenge:
        """Draw one, by the system's randomness.

        Args:
            request: whose terms are to be granted.
            key: of whoever made the request; by default that of this account.
            sound: whether a sentence is to be read, too.

        Raises:
            UsageError: the terms are of a voice, and there is to be no sound.
            ConsentError: somebody else made the request.
        """
        key = key or operator_key()
        if request.voices and not sound:
            raise UsageError("terms that hold a voice are granted with sound: leave --silent out")
        if request.signatures[0].public_key != key.public_key:
            raise ConsentError(
                f"{request.id} was not signed with the key {key.fingerprint}: who made it draws its challenge"
            )
        steps = draw_steps() if len(request.embeddings) else ()
        sentence = draw_sentence() if sound else None
        created, nonce = utc_now(), secrets.token_hex(16)
        digest = json_digest(challenge_body(request, steps, sentence, created, nonce))
        signature = Signature.create(GRANT_CHALLENGE, digest, OPERATOR, key)
        return cls(request, steps, sentence, created, nonce, signature)

    @property
    def expires(self) -> datetime:
        """Until when it may be answered."""
        return self.created + LIFETIME

    def body(self) -> dict[str, Any]:
        """JSON values of what is signed."""
        return challenge_body(self.request, self.steps, self.sentence, self.created, self.nonce)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": GRANT_CHALLENGE,
            "version": VERSION,
            "challenge": self.body(),
            "signatures": [self.signature.to_json()],
        }

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> GrantChallenge:
        document = parse_document(data, GRANT_CHALLENGE, name, VERSION)
        try:
            body, (signature,) = document["challenge"], document["signatures"]
            if set(body) != {"asked", "steps", "sentence", "created", "nonce"} or len(document) != 4:
                raise ValueError("its fields are not those of a challenge")
            kind = ConsentRequest if body["asked"]["format"] == REQUEST else Consent
            request = kind.from_bytes(canonical_json(body["asked"]) + b"\n", f"what {name} asks for")
            created, steps = parse_time(body["created"]), tuple(body["steps"])
            return cls(request, steps, body["sentence"], created, body["nonce"], Signature.from_json(signature))
        except (ValueError, KeyError, TypeError, UsageError, ConsentError) as error:
            raise damaged_error(name, str(error)) from error


def draw_steps() -> tuple[str, ...]:
    """Five motions, none twice in turn, with a turn of the head and one blink; one of 1,684 orders."""
    while True:
        steps = tuple(secrets.choice(STEPS) for _ in range(STEP_COUNT))
        if is_drawn(steps):
            return steps


def is_drawn(steps: tuple[str, ...]) -> bool:
    """Whether :func:`draw_steps` draws such steps."""
    in_turn = any(first == second for first, second in itertools.pairwise(steps))
    return not in_turn and (TURN_LEFT in steps or TURN_RIGHT in steps) and steps.count(BLINK) == 1


def grant_by_challenge(
    challenge: GrantChallenge,
    witness: Witness,
    recording: str,
    key: SigningKey | None = None,
    subject_key: SigningKey | None = None,
) -> Consent:
    """The witnessed record: the terms as they were asked, and what the answer showed.

    Args:
        recording: the clip's name, for the evidence.
        key: of whoever drew the challenge; by default that of this account.
        subject_key: the person's own, if they sign as well: with it they can revoke the record by themselves.
    """
    key, request = key or operator_key(), challenge.request
    if witness.request != request.digest or (witness.steps, witness.asked) != (challenge.steps, challenge.created):
        raise ConsentError("the answer belongs to another challenge")
    fields = Terms.parse_fields(request.body())
    name = "".join(letter if letter.isprintable() else "?" for letter in recording)[:150]
    fields["evidence"] = (*fields["evidence"], Evidence("recording", witness.clip, f"answer to a challenge: {name}"))
    fields |= {"strength": "witnessed", "witness": witness}
    digest = Terms(**fields).digest
    signatures = [Signature.create(CONSENT, digest, OPERATOR, key)]
    if subject_key is not None:
        signatures.append(Signature.create(CONSENT, digest, SUBJECT, subject_key))
    return Consent(**fields, signatures=tuple(signatures))


def challenge_body(
    request: ConsentRequest | Consent, steps: tuple[str, ...], sentence: str | None, created: datetime, nonce: str
) -> dict[str, Any]:
    moment = created.strftime(TIME_FORMAT)
    return {"asked": request.to_json(), "steps": list(steps), "sentence": sentence, "created": moment, "nonce": nonce}
