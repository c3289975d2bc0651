"""Where somebody speaks: Silero VAD out of a pip package, run by ONNX Runtime."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnxruntime

from effigie.assets import fetch_asset
from effigie.speech.spectrogram import RATE, to_mono

STEP_S = 0.032  # of a decision
_STEP, _CONTEXT = 512, 64  # samples of 16 kHz
_BEGIN, _END = 0.5, 0.35  # probabilities at which a stretch begins and ends, the package's own
_MIN_SPEECH_S, _MIN_PAUSE_S, _MARGIN_S = 0.12, 0.2, 0.06


def measure_activity(samples: np.ndarray, rate: int) -> np.ndarray:
    """(T,) float32 probability that somebody speaks, for every 32 ms.

    Args:
        samples: (n,) or (channels, n) float32.
        rate: samples a second.
    """
    sound = to_mono(samples, rate)
    sound = np.pad(sound, (_CONTEXT, -len(sound) % _STEP))
    session, state = _load_session(), np.zeros((2, 1, 128), np.float32)
    answers = []
    for start in range(0, len(sound) - _CONTEXT, _STEP):
        piece = sound[start : start + _CONTEXT + _STEP]
        answer, state = session.run(None, {"input": piece[None], "state": state, "sr": np.array(RATE, np.int64)})
        answers.append(float(answer[0, 0]))
    return np.array(answers, np.float32)


def find_speech(samples: np.ndarray, rate: int) -> list[tuple[float, float]]:
    """Stretches of speech: begin and end in seconds, in order; pauses of less than 0.2 s belong to them."""
    probabilities = measure_activity(samples, rate)
    duration = np.shape(samples)[-1] / rate
    stretches: list[tuple[float, float]] = []
    begin: int | None = None
    for index, probability in enumerate([*probabilities, 0.0]):
        if begin is None and probability >= _BEGIN:
            begin = index
        elif begin is not None and probability < _END:
            stretches.append((begin * STEP_S, index * STEP_S))
            begin = None
    spans: list[tuple[float, float]] = []
    for start, stop in stretches:
        if spans and start - spans[-1][1] < _MIN_PAUSE_S:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return [
        (max(0.0, start - _MARGIN_S), min(duration, stop + _MARGIN_S))
        for start, stop in spans
        if stop - start >= _MIN_SPEECH_S
    ]


@cache
def _load_session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(fetch_asset("silero_vad")), options, providers=["CPUExecutionProvider"])
