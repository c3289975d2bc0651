"""The check of a reading: whether the person of a record read the sentence that was drawn for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from effigie.consent.challenge import Challenge, VoiceAnswer, sign_answer
from effigie.consent.document import Consent
from effigie.consent.keys import SigningKey, operator_key
from effigie.consent.sentence import MIN_WORDS_RIGHT, measure_words, shorten_transcript
from effigie.consent.terms import Terms
from effigie.consent.values import utc_now
from effigie.consent.voice_matching import MATCH_THRESHOLD, measure_similarity
from effigie.errors import MediaError, RefusedError
from effigie.io.atomic_write import sha256
from effigie.progress import CancelToken

MAX_ANSWER_S = 60.0
RATE = 16000


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
    right, similarity = check_reading(path, challenge.sentence, consent, cancel)
    assert similarity is not None  # there are voices
    body = {
        "consent": consent.id,
        "digest": consent.digest,
        "sentence": challenge.sentence,
        "asked": challenge.created,
        "recording": sha256(path),
        "words_right": round(1000 * right),
        "similarity": int(np.floor(1000 * similarity)),
    }
    return sign_answer(body, key)


def check_reading(
    path: Path, sentence: str, consent: Terms, cancel: CancelToken | None = None
) -> tuple[float, float | None]:
    """The share of a sentence's words that are heard in a recording, and how alike the voice is to a record's.

    Args:
        consent: if it holds no voice, the words alone are checked, and no similarity is given.

    Raises:
        RefusedError: other words, or another voice.
        MediaError: the recording cannot be read, is too long, or holds no speech.
    """
    # Imported when all else holds: the networks behind them take a while.
    from effigie.media.sound.reader import Sound, read_sound
    from effigie.speech.recognizer import recognize
    from effigie.speech.speaker import embed_speaker

    sound = read_sound(path, RATE, duration=MAX_ANSWER_S + 1)
    if sound.duration > MAX_ANSWER_S:
        raise MediaError(f"{path} is longer than {MAX_ANSWER_S:.0f} s: record the sentence alone")
    mono = Sound(sound.mono()[None], RATE)
    transcript = " ".join(word.text for word in recognize(mono, "en", cancel))
    right = measure_words(sentence, transcript)
    if right < MIN_WORDS_RIGHT:
        raise RefusedError(
            f"{path} says {shorten_transcript(transcript)!r} and not the sentence {sentence!r}: read that one aloud"
        )
    if not consent.voices:
        return right, None
    embeddings = {name: vector[None] for name, vector in embed_speaker(mono).items()}
    similarity = float(measure_similarity(consent.voices, embeddings)[0])
    if similarity < MATCH_THRESHOLD:
        raise RefusedError(
            f"the voice in {path} is not known as that of {consent.subject} ({similarity:.2f} of {MATCH_THRESHOLD} "
            "needed): the person of the record reads it, with the same microphone, without music or others"
        )
    return right, similarity
