"""The speech network says what the file that its weights come from says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from effigie.errors import AssetError, UsageError
from effigie.io.onnx import Node, OnnxGraph, read_onnx
from effigie.speech.mel import mel_bank, power_spectrum
from effigie.voice.network.generator import HarmonicSource
from effigie.voice.network.layers import AdaptiveNorm, StyleBlock
from effigie.voice.network.speech_network import Score, SpeechNetwork
from effigie.voice.pretrained import convert_weights, join_parts, load_speech_network
from effigie.voice.stock_voices import load_stock_voice
from effigie.voice.symbols import encode_phonemes, filter_phonemes

PHONEMES = "ðə bˈɜɹʧ kənˈu slˈɪd."


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[onnxruntime.InferenceSession]:
    path = join_parts(tmp_path_factory.mktemp("onnx"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    yield onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def log_mel(sound: np.ndarray) -> np.ndarray:
    return np.log(mel_bank(24000, 1024, 40, 8000.0) @ power_spectrum(sound, 1024, 256) + 1e-3)


@pytest.mark.slow
def test_it_says_what_the_original_says(original: onnxruntime.InferenceSession) -> None:
    network, symbols = load_speech_network(), encode_phonemes(PHONEMES)
    timbre, manner = load_stock_voice("kumo").choose(len(filter_phonemes(PHONEMES)))
    inputs = {
        "tokens": symbols.numpy(),
        "style": torch.cat([timbre, manner], dim=1).numpy(),
        "speed": np.ones(1, np.float32),
    }
    expected = original.run(None, inputs)[0].ravel()
    with torch.inference_mode():
        score = network.plan(symbols, manner)
        sound = network.render(score, timbre)[0].numpy()
    # The same durations to the frame. The original rounds activations to 8 bits, and its inverse Fourier transform is
    # not divided by the windows' sum, which makes it 1.5 times as loud.
    assert len(sound) == len(expected) == 600 * int(score.durations.sum())
    difference, other = (
        np.abs(log_mel(1.5 * sound) - log_mel(one)).mean() for one in (expected, np.roll(expected, 1800))
    )
    assert difference < 0.25 < 0.3 * other


@pytest.mark.slow
def test_voice_speed_and_melody_are_what_was_asked() -> None:
    network, symbols = load_speech_network(), encode_phonemes(PHONEMES)
    man, woman = (load_stock_voice(name).choose(20)[1] for name in ("kumo", "alpha"))
    slow, fast, high = network.plan(symbols, man, 0.8), network.plan(symbols, man, 1.25), network.plan(symbols, woman)
    assert slow.durations.sum() > 1.3 * fast.durations.sum()
    assert high.f0[high.f0 > 10].median() > 1.3 * slow.f0[slow.f0 > 10].median()
    assert slow.frames.shape[2] == slow.durations.sum() and slow.f0.shape[1] == 2 * slow.frames.shape[2]


def test_harmonics_do_not_lose_their_phase() -> None:
    source = HarmonicSource()
    with torch.no_grad():
        source.mix.weight.fill_(0.0)
        source.mix.weight[0, 0] = 1.0
        source.mix.bias.zero_()
    late = source(torch.full((1, 8000), 437.0))[0, -24000:]  # the last second of 100
    spectrum = torch.fft.rfft(late * torch.hann_window(24000)).abs()
    assert spectrum.argmax() == 437 and spectrum[437] > 500 * spectrum[480:].max()
    assert source(torch.zeros(1, 80)).abs().max() == 0


def test_adaptive_norm_is_an_instance_norm() -> None:
    torch.manual_seed(0)
    norm, x, style = AdaptiveNorm(6), 3 + torch.randn(2, 6, 50), torch.randn(2, 128)
    gain, shift = norm.affine(style)[:, :, None].chunk(2, dim=1)
    expected = (1 + gain) * torch.nn.functional.instance_norm(x) + shift
    assert torch.allclose(norm(x, style), expected, atol=1e-5)
    assert StyleBlock(6, 4, upsample=True)(x, style).shape == (2, 4, 100)


def test_a_graph_without_the_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="lacks"):
        convert_weights(
            OnnxGraph([Node("/x/Conv", "Conv", ("a", "b"), ("c",))], {"b": np.zeros((1, 1, 1), np.float32)})
        )
    (tmp_path / "bad.onnx").write_bytes(b"\x3a\xff\xff\xff\xff\x0fnothing")
    with pytest.raises(ValueError, match="no ONNX file"):
        read_onnx(tmp_path / "bad.onnx")


def test_quantized_weights_come_back() -> None:
    weight = np.array([[10, 20], [30, 40]], np.uint8)
    graph = OnnxGraph(constants={"w_quantized": weight, "w_scale": np.float32(0.5), "zero": np.uint8(20)})
    np.testing.assert_allclose(graph.dequantize("w_quantized", "zero"), [[-5, 0], [5, 10]])


def test_stock_voices_are_known_by_name() -> None:
    with pytest.raises(UsageError, match="choose of"):
        load_stock_voice("nobody")
    timbre, manner = load_stock_voice("alpha").choose(10_000)
    assert timbre.shape == manner.shape == (1, 128)


def test_the_network_has_82_million_weights() -> None:
    assert 81e6 < sum(weight.numel() for weight in SpeechNetwork().parameters()) < 83e6
    assert (
        Score(torch.zeros(1, 512, 2), torch.tensor([2, 3]), torch.zeros(1, 10), torch.zeros(1, 10)).frames.shape[2] == 5
    )
