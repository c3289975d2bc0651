"""Tests of answers: what a challenge must be, who may check it, what is refused, and the record that comes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from effigie.consent.canonical import canonical_json, json_digest
from effigie.consent.document import Consent, ConsentRequest
from effigie.consent.grant_challenge import (
    GRANT_CHALLENGE,
    LIFETIME,
    GrantChallenge,
    challenge_body,
    draw_steps,
    grant_by_challenge,
    is_drawn,
)
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.record import revoke
from effigie.consent.signature import OPERATOR, REQUEST, Signature
from effigie.consent.store import ConsentStore
from effigie.consent.terms import Evidence, Terms
from effigie.consent.values import local_today, utc_now
from effigie.consent.witness import BLINK, INSTRUCTIONS, SMILE, STEPS, TURN_LEFT, Witness
from effigie.errors import ConsentError, RefusedError, UsageError
from effigie.granting.answer import answer_grant, require_person
from effigie.granting.liveness import judge_liveness
from effigie.granting.performance import Performance
from effigie.media import VideoReader
from effigie.media.pictures.writer import write_still


def asked(key: SigningKey, embeddings: np.ndarray | None = None) -> ConsentRequest:
    faces = np.eye(2, 128, dtype=np.float32) if embeddings is None else embeddings
    values = {
        "subject": "Anna",
        "uses": ("swap",),
        "purpose": None,
        "territory": None,
        "begins": local_today(),
        "until": None,
        "evidence": (),
        "basis": "she was asked",
        "strength": "granted",
        "embeddings": faces,
        "created": utc_now(),
    }
    return ConsentRequest(**values, signatures=(Signature.create(REQUEST, Terms(**values).digest, OPERATOR, key),))


def drawn(request: ConsentRequest, key: SigningKey, steps: tuple[str, ...]) -> GrantChallenge:
    """A challenge of given steps, as if they had been drawn."""
    created, nonce = utc_now(), "ab" * 16
    digest = json_digest(challenge_body(request, steps, None, created, nonce))
    return GrantChallenge(
        request, steps, None, created, nonce, Signature.create(GRANT_CHALLENGE, digest, OPERATOR, key)
    )


def shown(challenge: GrantChallenge) -> Witness:
    peaks = tuple(range(len(challenge.steps)))
    return Witness(challenge.request.digest, challenge.steps, None, challenge.created, "cd" * 32, peaks, 5000, 900, 700)


def test_what_is_drawn_turns_the_head_and_blinks_once() -> None:
    many = [draw_steps() for _ in range(300)]
    assert all(map(is_drawn, many)) and len(set(many)) > 200
    assert {step for steps in many for step in steps} == set(STEPS)


def test_a_challenge_is_read_back_and_not_edited(key: SigningKey, tmp_path: Path) -> None:
    challenge = GrantChallenge.create(asked(key), key)
    assert challenge.sentence is not None and len(challenge.steps) == 5
    challenge.save(tmp_path / "challenge.json")
    found = GrantChallenge.load(tmp_path / "challenge.json")
    assert (found.steps, found.sentence, found.nonce) == (challenge.steps, challenge.sentence, challenge.nonce)
    assert found.request.digest == challenge.request.digest
    document = json.loads((tmp_path / "challenge.json").read_text("utf-8"))
    document["challenge"]["steps"] = ["smile"]
    with pytest.raises(ConsentError):
        GrantChallenge.from_bytes(canonical_json(document) + b"\n", "edited.json")


def test_only_who_asks_draws_and_checks(key: SigningKey, tmp_path: Path) -> None:
    with pytest.raises(ConsentError, match="who made it draws"):
        GrantChallenge.create(asked(key), operator_key())
    (tmp_path / "clip.mp4").write_bytes(b"anything")
    with pytest.raises(RefusedError, match="not drawn here"):
        answer_grant(GrantChallenge.create(asked(key), key), tmp_path / "clip.mp4", key=operator_key())


def test_what_comes_too_late_is_refused(key: SigningKey, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"anything")
    challenge = GrantChallenge.create(asked(key), key)
    with pytest.raises(RefusedError, match="draw a new one"):
        late = challenge.created + LIFETIME + timedelta(seconds=1)
        answer_grant(challenge, tmp_path / "clip.mp4", key=key, now=late)


def test_a_recording_answers_once(key: SigningKey, tmp_path: Path) -> None:
    from effigie.io.atomic_write import sha256

    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"anything")
    store, challenge = ConsentStore([tmp_path / "store"]), drawn(asked(key), key, (TURN_LEFT, BLINK))
    store.add(grant_by_challenge(challenge, replace(shown(challenge), clip=sha256(clip)), "clip.mp4", key))
    again = drawn(asked(key), key, (TURN_LEFT, BLINK))
    with pytest.raises(RefusedError, match="very recording"):
        answer_grant(again, clip, key=key, store=store)
    clip.write_bytes(b"something else")
    with pytest.raises(RefusedError, match="answered before"):
        answer_grant(challenge, clip, key=key, store=store)


def test_a_witnessed_record_holds_the_answer(key: SigningKey, tmp_path: Path) -> None:
    challenge = drawn(asked(key), key, (TURN_LEFT, BLINK))
    record = grant_by_challenge(challenge, shown(challenge), "clip.mp4", key)
    record.save(tmp_path / "record.json")
    found = Consent.load(tmp_path / "record.json")
    assert found.strength == "witnessed" and found.witness == shown(challenge) and not found.is_bare
    assert found.evidence[-1] == Evidence("recording", "cd" * 32, "answer to a challenge: clip.mp4")
    assert json.loads((tmp_path / "record.json").read_text("utf-8"))["version"] == 3
    assert "turn left, blink" in found.witness.describe()
    document = found.to_json()
    document["terms"]["witness"]["relief"] = 1000
    with pytest.raises(ConsentError, match="forged or was edited"):
        Consent.from_bytes(canonical_json(document) + b"\n", "edited.json")


def test_strength_and_answer_go_together(key: SigningKey) -> None:
    fields = Terms.parse_fields(asked(key).body())
    with pytest.raises(UsageError, match="witnessed record"):
        Terms(**fields | {"strength": "witnessed"})
    challenge = drawn(asked(key), key, (BLINK,))
    with pytest.raises(UsageError, match="witnessed record"):
        Terms(**fields | {"witness": shown(challenge)})


def test_a_person_with_a_key_can_revoke(key: SigningKey) -> None:
    challenge = drawn(asked(key), key, (TURN_LEFT, BLINK))
    alone = grant_by_challenge(challenge, shown(challenge), "clip.mp4", key)
    with pytest.raises(ConsentError):
        revoke(alone, operator_key())
    both = grant_by_challenge(challenge, shown(challenge), "clip.mp4", key, operator_key())
    assert revoke(both, operator_key()).signature.role == "subject"


def test_an_answer_to_another_challenge_grants_nothing(key: SigningKey) -> None:
    challenge = drawn(asked(key), key, (TURN_LEFT, BLINK))
    with pytest.raises(ConsentError, match="another challenge"):
        grant_by_challenge(drawn(asked(key), key, (BLINK, TURN_LEFT)), shown(challenge), "clip.mp4", key)


def test_her_own_face_is_known_and_another_is_not(key: SigningKey, performed: Path, performance: Performance) -> None:
    own = performance.embeddings[:2]
    seen = judge_liveness(performance, (TURN_LEFT, SMILE))
    assert require_person(performed, performance, seen, asked(key, own)) > 450
    with pytest.raises(RefusedError, match="not known as that of Anna"):
        require_person(performed, performance, seen, asked(key))


@pytest.mark.slow
def test_a_real_answer_grants_and_a_made_one_does_not(
    key: SigningKey, performed, performance, woman_consent, man, cut, tmp_path
):
    """The whole way: her own turn and smile grant; her face swapped into another clip does not, whatever it shows."""
    from effigie.swap import swap_clip

    request = asked(key, performance.embeddings[:2])
    nowhere = ConsentStore([tmp_path / "nowhere"])
    record = answer_grant(drawn(request, key, (TURN_LEFT, SMILE)), performed, key=key, store=nowhere)
    assert record.strength == "witnessed" and record.witness is not None and record.witness.similarity > 450
    with VideoReader(performed, stop=1) as reader:
        write_still(tmp_path / "woman.png", next(iter(reader)).image)
    clip = cut(man, tmp_path / "man.mp4", 0, 12)
    swap_clip(tmp_path / "woman.png", clip, tmp_path / "swap.mp4", consent=woman_consent)
    with pytest.raises(RefusedError, match="made with effigie"):
        answer_grant(drawn(request, key, (TURN_LEFT, SMILE)), tmp_path / "swap.mp4", key=key, store=nowhere)


def test_on_the_command_line(here, tmp_path: Path) -> None:
    """Drawn, told and written by `challenge`; what is no clip is refused by `answer`, and nothing is written."""
    asked(operator_key()).save(tmp_path / "request.json")
    drawing = here("consent", "challenge", tmp_path / "request.json", "-o", tmp_path / "challenge.json", "--silent")
    assert drawing.code == 0, drawing.err
    challenge = GrantChallenge.load(tmp_path / "challenge.json")
    assert challenge.sentence is None
    for number, step in enumerate(challenge.steps, 1):
        assert f"{number}. {INSTRUCTIONS[step]}" in drawing.out
    (tmp_path / "clip.mp4").write_bytes(b"no film")
    answering = here("consent", "answer", tmp_path / "challenge.json", tmp_path / "clip.mp4", "-o", tmp_path / "r.json")
    assert answering.code != 0 and not (tmp_path / "r.json").exists()


def test_the_command_line_shows_how_it_was_granted(here, key: SigningKey, tmp_path: Path) -> None:
    challenge = drawn(asked(key), key, (TURN_LEFT, BLINK))
    grant_by_challenge(challenge, shown(challenge), "clip.mp4", key).save(tmp_path / "record.json")
    told = here("consent", "show", tmp_path / "record.json")
    assert "witnessed" in told.out and "granted by: turn left, blink; in 5 s" in told.out
