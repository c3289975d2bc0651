"""Tests of the encoders of voices, and of a record's voice made with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from effigie.assets import fetch_asset
from effigie.consent.voice_matching import (
    MATCH_THRESHOLD,
    PIECE_THRESHOLD,
    SubjectVoice,
    compute_voice_references,
    measure_similarity,
)
from effigie.errors import MediaError
from effigie.media import Sound, SoundWriter, read_sound
from effigie.speech.speaker import (
    EMBEDDING_SIZE,
    ENCODERS,
    RATE,
    _load_voicefilter,
    _power,
    embed_speaker,
    extract_speech,
)
from effigie.speech.speaker_network import load_speaker_network
from effigie.speech.spectrogram import slaney_filters, to_mono


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the man of the samples says, in one file."""
    path = tmp_path_factory.mktemp("spoken") / "man.wav"
    clips = [fetch_asset(name) for name in ("sample_man_leaves", "sample_man_enters")]
    with SoundWriter(path, 24000) as writer:
        for clip in clips:
            writer.write(read_sound(clip, 24000).mono()[None])
    return path


@pytest.mark.slow
def test_a_voice_is_known_again_at_another_level_and_rate(spoken: Path) -> None:
    plain = embed_speaker(read_sound(spoken, 48000))
    assert set(plain) == set(ENCODERS)
    quiet = read_sound(spoken, 24000)
    quiet = Sound(0.1 * quiet.samples, quiet.rate)
    for network, vector in embed_speaker(quiet).items():
        assert vector.shape == (EMBEDDING_SIZE,) and abs(np.linalg.norm(vector) - 1) < 1e-5
        assert vector @ plain[network] > 0.98


@pytest.mark.slow
def test_a_recording_agrees_with_the_record_made_of_it(spoken: Path) -> None:
    references = compute_voice_references([spoken])
    voice = SubjectVoice.from_recordings([spoken])
    assert measure_similarity(references, voice.embeddings).min() > PIECE_THRESHOLD
    whole = {network: vectors.mean(axis=0, keepdims=True) for network, vectors in voice.embeddings.items()}
    assert measure_similarity(references, whole)[0] > MATCH_THRESHOLD
    turned = {network: np.roll(vectors, 1, axis=1) for network, vectors in voice.embeddings.items()}
    assert measure_similarity(references, turned).max() < PIECE_THRESHOLD


@pytest.mark.parametrize("seconds", [0.0, 0.5, 5.0])
def test_silence_is_no_voice(seconds: float) -> None:
    with pytest.raises(MediaError, match="record more"):
        embed_speaker(Sound(np.zeros((1, round(seconds * RATE)), np.float32), RATE))


def test_pauses_are_left_out_and_the_level_is_set() -> None:
    tone = np.sin(np.arange(2 * RATE) * 0.3).astype(np.float32)
    speech = extract_speech(np.concatenate([np.zeros(3 * RATE, np.float32), 0.2 * tone, np.zeros(RATE, np.float32)]))
    assert abs(len(speech) / RATE - 2.2) < 0.2
    assert abs(10 * np.log10(np.mean(speech**2)) + 30) < 0.1


@pytest.mark.slow
def test_the_encoder_that_voices_are_fitted_by_is_the_one_that_tells_them_apart(sample_speech: np.ndarray) -> None:
    samples = torch.from_numpy(sample_speech[12_000:36_000]).requires_grad_()
    found = load_speaker_network()(samples)
    piece = sample_speech[12_000 : 12_000 + 24_000]
    other = _load_voicefilter().run(None, {"mel_window": _mel_window(piece)})[0][0]
    assert float(found.detach() @ torch.from_numpy(other / np.linalg.norm(other))) > 0.95
    (1 - found[0]).backward()
    assert samples.grad is not None and float(samples.grad.abs().max()) > 0


def _mel_window(samples: np.ndarray) -> np.ndarray:
    """(1, 80, 40) what the encoder is given of the middle of a second at 24 kHz."""
    speech = to_mono(samples[None], 24000)
    speech = speech * 10 ** (-30 / 20) / np.sqrt(np.mean(speech**2))
    window = np.pad(np.hamming(401)[:-1], 56)
    power = _power(speech.astype(np.float32), window, 512) @ slaney_filters(512, 40).T
    start = (len(power) - 80) // 2
    return np.log10(power + 1e-10)[None, start : start + 80].astype(np.float32)
