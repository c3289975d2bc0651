"""Tests of consent by voice: the record, the gate and the sentence that is read aloud."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from consent_making import TODAY, fields, made
from scipy.signal import resample_poly

from effigie.consent.challenge import LIFETIME, Challenge, VoiceAnswer, sign_answer
from effigie.consent.document import Consent
from effigie.consent.gate import permit_voice
from effigie.consent.keys import SigningKey
from effigie.consent.reading import answer_challenge
from effigie.consent.sentence import measure_words
from effigie.consent.store import ConsentStore
from effigie.consent.terms import VOICE_NETWORKS, Terms
from effigie.consent.voice_matching import MATCH_THRESHOLD, SubjectVoice, compute_voice_references, match_recordings
from effigie.errors import ConsentError, MediaError, RefusedError, UsageError
from effigie.media.sound.writer import SoundWriter
from effigie.speech.conditions import CONDITIONS

NOBODY = np.zeros((0, 128), np.float32)


def voices(seed: int = 0, count: int = 2) -> dict[str, np.ndarray]:
    """Network → (count, 256) unit, of one person a seed."""
    vectors = {}
    for number, network in enumerate(VOICE_NETWORKS):
        chance = np.random.default_rng((seed, number))
        many = chance.normal(size=256) + 0.05 * chance.normal(size=(count, 256))
        vectors[network] = (many / np.linalg.norm(many, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def heard(seed: int = 0, count: int = 6, name: str = "interview.wav") -> SubjectVoice:
    return SubjectVoice(voices(seed, count), np.full(count, name, object))


@pytest.fixture
def record(key: SigningKey) -> Consent:
    return made(key, uses=("voice",), voices=voices(), embeddings=NOBODY)


@pytest.fixture
def empty_store(tmp_path: Path) -> ConsentStore:
    return ConsentStore([tmp_path / "store"])


def read_well(record: Consent, key: SigningKey, **changed: object) -> VoiceAnswer:
    """An answer as :func:`answer_challenge` signs it."""
    given = {
        "consent": record.id,
        "digest": record.digest,
        "sentence": "the brown apple follows the cold river near the tiny tower",
        "asked": record.created,
        "recording": "cd" * 32,
        "words_right": 1000,
        "similarity": 950,
    }
    return sign_answer(given | changed, key)


def test_a_record_holds_a_voice_and_is_read_back(record: Consent, tmp_path: Path) -> None:
    record.save(tmp_path / "record.json")
    found = Consent.load(tmp_path / "record.json")
    assert found.id == record.id and not len(found.embeddings)
    assert all(np.array_equal(found.voices[network], record.voices[network]) for network in VOICE_NETWORKS)
    assert json.loads((tmp_path / "record.json").read_text("utf-8"))["version"] == 2


def test_a_record_without_a_voice_is_written_as_before(key: SigningKey) -> None:
    document = made(key).to_json()
    assert document["version"] == 1 and "voices" not in document["terms"]


def test_an_edited_voice_is_refused(record: Consent, tmp_path: Path) -> None:
    document = record.to_json()
    document["terms"]["voices"] = made_terms(voices(3))["voices"]
    data = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    with pytest.raises(ConsentError):
        Consent.from_bytes(data, "edited.json")


def made_terms(changed: dict[str, np.ndarray]) -> dict[str, object]:
    return Terms(**fields(uses=("voice",), voices=changed)).body()


@pytest.mark.parametrize(
    "wrong",
    [
        {"resemblyzer": np.eye(1, 256, dtype=np.float32)},
        {network: np.eye(22, 256, dtype=np.float32) for network in VOICE_NETWORKS},
        {network: 2 * np.eye(1, 256, dtype=np.float32) for network in VOICE_NETWORKS},
        {network: np.full((1, 256), np.nan, np.float32) for network in VOICE_NETWORKS},
        {network: np.eye(1, 128, dtype=np.float32) for network in VOICE_NETWORKS},
    ],
)
def test_a_voice_that_cannot_be_is_refused(wrong: dict[str, np.ndarray]) -> None:
    with pytest.raises(UsageError):
        Terms(**fields(voices=wrong))


def test_a_record_needs_a_face_or_a_voice() -> None:
    with pytest.raises(UsageError):
        Terms(**fields(embeddings=NOBODY))


def test_the_person_of_the_record_is_permitted(record: Consent, empty_store: ConsentStore) -> None:
    permit = permit_voice(heard(), record, store=empty_store, today=TODAY)
    assert permit.use == "voice" and permit.ids == (record.id,)
    empty_store.add(record)
    assert permit_voice(heard(), store=empty_store, today=TODAY).ids == (record.id,)


def test_others_are_refused(record: Consent, key: SigningKey, empty_store: ConsentStore) -> None:
    with pytest.raises(RefusedError, match=r"other\.wav"):
        permit_voice(heard(5, name="other.wav"), record, store=empty_store, today=TODAY)
    with pytest.raises(RefusedError, match="no consent of the person who speaks"):
        permit_voice(heard(5), store=empty_store, today=TODAY)
    with pytest.raises(RefusedError, match="holds no voice"):
        permit_voice(heard(), made(key, uses=("voice",)), store=empty_store, today=TODAY)
    with pytest.raises(RefusedError, match="not for voice"):
        swap = made(key, uses=("swap",), voices=voices())
        permit_voice(heard(), swap, store=empty_store, today=TODAY)


def test_one_network_that_disagrees_is_enough_to_refuse(record: Consent, empty_store: ConsentStore) -> None:
    for network in VOICE_NETWORKS:
        mixed = SubjectVoice(dict(heard().embeddings) | {network: heard(5).embeddings[network]}, heard().recordings)
        with pytest.raises(RefusedError):
            permit_voice(mixed, record, store=empty_store, today=TODAY)


def test_long_vectors_do_not_help(record: Consent) -> None:
    stranger = {network: 50 * vectors for network, vectors in heard(5).embeddings.items()}
    assert not match_recordings(record, SubjectVoice(stranger, heard(5).recordings)).any()


def test_a_recording_with_somebody_else_in_it_is_refused(record: Consent, empty_store: ConsentStore) -> None:
    parts = heard(count=8), heard(5, 2, "dinner.wav")
    mixed = SubjectVoice(
        {network: np.concatenate([part.embeddings[network] for part in parts]) for network in VOICE_NETWORKS},
        np.concatenate([part.recordings for part in parts]),
    )
    with pytest.raises(RefusedError, match=r"dinner\.wav"):
        permit_voice(mixed, record, store=empty_store, today=TODAY)


def test_learning_needs_an_answer_of_this_record(
    record: Consent, key: SigningKey, other: SigningKey, empty_store: ConsentStore
) -> None:
    ask = {"consent": record, "store": empty_store, "today": TODAY, "needs_answer": True}
    with pytest.raises(RefusedError, match="effigie consent challenge"):
        permit_voice(heard(), **ask)
    assert permit_voice(heard(), answer=read_well(record, key), **ask).ids == (record.id,)
    foreign = made(other, uses=("voice",), voices=voices(), embeddings=NOBODY, territory="CH")
    with pytest.raises(RefusedError, match="draw one for this record"):
        permit_voice(heard(), answer=read_well(foreign, key), **ask)
    for wrong in ({"words_right": 500}, {"similarity": 700}):
        with pytest.raises(RefusedError, match="draw another"):
            permit_voice(heard(), answer=read_well(record, key, **wrong), **ask)


def test_challenge_and_answer_are_read_back_and_not_edited(record: Consent, key: SigningKey, tmp_path: Path) -> None:
    for one, field in ((Challenge.create(record, key), "challenge"), (read_well(record, key), "answer")):
        one.save(tmp_path / "one.json", replace=True)
        assert type(one).load(tmp_path / "one.json") == one
        text = (tmp_path / "one.json").read_text("utf-8")
        document = json.loads(text)
        document[field]["sentence"] = "hello"
        edited = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        with pytest.raises(ConsentError):
            type(one).from_bytes(edited.encode(), "edited.json")


def test_sentences_are_drawn_anew(record: Consent, key: SigningKey) -> None:
    sentences = [Challenge.create(record, key).sentence for _ in range(50)]
    assert len(set(sentences)) == 50
    pairs = [measure_words(one, another) for one, another in itertools.pairwise(sentences)]
    assert max(pairs) < 0.5 and np.mean(pairs) < 0.15  # of 16 words, where 12 are needed


def test_words_are_counted_in_their_order() -> None:
    sentence = "the brown apple follows the cold river near the tiny tower"
    assert measure_words(sentence, "The brown apple follows the cold river, near the tiny tower.") == 1
    assert measure_words(sentence, "um the brown uh apple follows a cold river near a tiny tower") == 1
    assert measure_words(sentence, "tower tiny near river cold follows apple brown") <= 0.25
    assert measure_words(sentence, "") == 0


def test_what_comes_too_late_or_from_elsewhere_is_refused(
    record: Consent, key: SigningKey, other: SigningKey, tmp_path: Path
) -> None:
    challenge = Challenge.create(record, key)
    late = challenge.created + LIFETIME + timedelta(seconds=1)
    with pytest.raises(RefusedError, match="draw a new one"):
        answer_challenge(challenge, tmp_path / "any.wav", record, key=key, now=late)
    with pytest.raises(RefusedError, match="not drawn here"):
        answer_challenge(challenge, tmp_path / "any.wav", record, key=other)
    elsewhere = made(key, uses=("voice",), voices=voices(), embeddings=NOBODY, territory="CH")
    with pytest.raises(RefusedError, match="not drawn here"):
        answer_challenge(challenge, tmp_path / "any.wav", elsewhere, key=key)
    with pytest.raises(RefusedError, match="holds no voice"):
        plain = made(key, uses=("voice",))
        answer_challenge(Challenge.create(plain, key), tmp_path / "any.wav", plain, key=key)


@pytest.mark.slow
def test_an_old_recording_of_other_words_is_refused(sample, record: Consent, key: SigningKey) -> None:
    """Whoever spoke in it: the words are looked at first."""
    with pytest.raises(RefusedError, match="read that one aloud"):
        answer_challenge(Challenge.create(record, key), sample("sample_man_leaves"), record, key=key)


def test_an_answer_below_the_limits_does_not_agree(record: Consent, key: SigningKey) -> None:
    good = read_well(record, key)
    assert good.agrees and good.is_about(record)
    assert not read_well(record, key, similarity=int(1000 * MATCH_THRESHOLD) - 1).agrees
    with pytest.raises(ConsentError):
        replace(good, words_right=900)


def test_a_short_recording_is_kept_under_the_conditions_that_leave_enough_of_it(tmp_path: Path) -> None:
    """A telephone cuts its low second half off: as it is, there is just enough."""
    time = np.arange(round(1.25 * 16000)) / 16000
    hum = 0.3 * ((110 * time) % 1 - 0.5) * (0.6 + 0.4 * np.sin(8 * np.pi * time))
    low = 0.01 * np.sin(180 * np.pi * time[:8000])
    with SoundWriter(tmp_path / "short.wav", 24000, 1) as writer:
        sound = np.concatenate([hum, np.zeros(8000), low, np.zeros(4000)])
        writer.write(resample_poly(sound, 3, 2)[None].astype(np.float32))
    kept = compute_voice_references([tmp_path / "short.wav"])
    assert all(1 <= len(vectors) < len(CONDITIONS) for vectors in kept.values())
    with SoundWriter(tmp_path / "shorter.wav", 24000, 1) as writer:
        writer.write(resample_poly(hum, 3, 2)[None].astype(np.float32))
    with pytest.raises(MediaError, match="record more"):
        compute_voice_references([tmp_path / "shorter.wav"])
