"""A person's own spectra: kept beside what the network makes of the same, and brought back to what it says later."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from effigie.voice.exemplars import Exemplars, collect_exemplars, measure_bands

RATE, FRAMES = 24000, 160


def speak(seed: int) -> tuple[Tensor, Tensor, np.ndarray]:
    """What two sounds, of 0.25 s in turn, are made of; noise as a network makes it; and as somebody else says it.

    They have more than it below 3 kHz in the first sound, and less in the second.
    """
    rng = np.random.default_rng(seed)
    kind = np.arange(FRAMES) // 20 % 2
    shaped = np.where(kind, 1.0, -1.0)[None] * np.linspace(-1, 1, 512)[:, None] + 0.05 * rng.standard_normal(
        (512, FRAMES)
    )
    made = 0.1 * rng.standard_normal(300 * FRAMES)
    spectrum = np.fft.rfft(made)
    low = np.fft.irfft(np.where(np.fft.rfftfreq(len(made), 1 / RATE) < 3000, spectrum, 0), len(made))
    real = made + np.where(np.repeat(kind, 300), -0.6, 1.0) * low
    return torch.from_numpy(shaped.astype(np.float32)), torch.from_numpy(made.astype(np.float32)), real.astype("f4")


@pytest.fixture(scope="module")
def exemplars() -> Exemplars:
    found = collect_exemplars([speak(0), speak(1)])
    assert found is not None
    return found


def test_what_is_said_comes_nearer_to_the_person_sound_by_sound(exemplars: Exemplars) -> None:
    shaped, made, real = speak(2)
    wanted = measure_bands(torch.from_numpy(real))

    def distance(strength: float) -> float:
        return float(np.abs(measure_bands(exemplars.apply(made, shaped, strength)) - wanted).mean())

    assert distance(1.0) < 0.5 * distance(0.5) + 0.5 * distance(0.0) < distance(0.0)
    assert distance(1.0) < 0.4 * distance(0.0)
    assert torch.allclose(exemplars.apply(made, shaped, 0.0), made, atol=1e-4)


def test_an_hour_of_speech_keeps_as_many_frames_as_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effigie.voice.exemplars.MOST", 100)
    found = collect_exemplars([speak(0), speak(1)])
    assert found is not None and found.keys.shape[0] == found.gains.shape[0] == 100


def test_too_little_speech_has_no_exemplars() -> None:
    shaped, made, real = speak(0)
    assert collect_exemplars([(shaped[:, :20], made[:6000], real[:6000])]) is None
    assert collect_exemplars([(shaped, torch.zeros_like(made), np.zeros_like(real))]) is None


def test_they_are_stored_and_read_back(exemplars: Exemplars) -> None:
    shaped, made, _ = speak(2)
    stored = {name: tensor.half() for name, tensor in exemplars.to_tensors().items()}
    same = Exemplars.from_tensors(stored)
    assert (same.apply(made, shaped, 1.0) - exemplars.apply(made, shaped, 1.0)).abs().max() < 0.01
    with pytest.raises(ValueError, match="keys"):
        Exemplars.from_tensors({name: tensor for name, tensor in stored.items() if name != "keys"})
    with pytest.raises(ValueError, match="other shapes"):
        Exemplars.from_tensors(stored | {"gains": stored["gains"][:, :8]})
