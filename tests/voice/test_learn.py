"""Learning a voice and converting into it: consent first, utterances, the fit, the folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import effigie
from effigie.consent import new_consent, revoke
from effigie.consent.canonical import json_digest
from effigie.consent.challenge import CHALLENGE, Challenge, VoiceAnswer
from effigie.consent.document import Consent
from effigie.consent.keys import operator_key
from effigie.consent.reading import answer_challenge
from effigie.consent.signature import OPERATOR, Signature
from effigie.consent.values import TIME_FORMAT, utc_now
from effigie.errors import MediaError, ModelError, RefusedError, UsageError
from effigie.io.tensors import load_tensors
from effigie.media.sound.reader import read_sound
from effigie.media.sound.writer import SoundWriter
from effigie.training.model_folder import save_weights
from effigie.voice import (
    LearnSettings,
    SpeakSettings,
    VoiceModel,
    convert,
    describe_voice,
    learn,
    load_voice,
    speak,
    stream_speech,
    task,
)
from effigie.voice.adapters import add_adapters, apply_adapters, list_adapted, read_adapters
from effigie.voice.alignment import align, carry_over_durations
from effigie.voice.checkpoint import VOICE
from effigie.voice.dataset import (
    Utterance,
    level_samples,
    listen,
    load_utterances,
    measure_network_energy,
    raise_to_learned,
    save_utterances,
)
from effigie.voice.losses import EnvelopeLoss
from effigie.voice.melody import Melody, carry_over
from effigie.voice.network.decoder import Decoder
from effigie.voice.network.speech_network import FRAME_S, HEARD_EARLIER_S
from effigie.voice.pretrained import load_speech_network

RATE = 24000
TEXT = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background."


def record(path: Path, text: str, voice: str = "kumo", times: int = 1) -> Path:
    """A recording of a person; a stock voice is one, for whom we may consent."""
    sound = np.concatenate([one.sound.samples for one in stream_speech(load_voice(voice), text)], axis=1)
    with SoundWriter(path, RATE, 1) as writer:
        for _ in range(times):
            writer.write(sound)
    return path


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("recorded") / "kumo.flac", TEXT, times=2)


@pytest.fixture(scope="module")
def consent(recording: Path) -> Consent:
    return new_consent("Kumo", [], ["voice"], basis="a stock voice", recordings=[recording], evidence=[recording])


@pytest.fixture(scope="module")
def answer(consent: Consent, tmp_path_factory: pytest.TempPathFactory) -> VoiceAnswer:
    """To a sentence that a stock voice says clearly: of those that are drawn, now and then a word is misheard."""
    sentence, created = "the birch canoe slid on the smooth planks", utc_now()
    body = {"consent": consent.id, "sentence": sentence, "created": created.strftime(TIME_FORMAT)}
    signature = Signature.create(CHALLENGE, json_digest(body), OPERATOR, operator_key())
    challenge = Challenge(consent.id, sentence, created, signature)
    read = record(tmp_path_factory.mktemp("read") / "read.flac", sentence.capitalize() + ".")
    return answer_challenge(challenge, read, consent)


@pytest.fixture(scope="module")
def performance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(
        tmp_path_factory.mktemp("performed") / "willow.flac", "The birch canoe slid on the smooth planks.", "willow"
    )


@pytest.fixture(scope="module")
def learned(
    recording: Path, consent: Consent, answer: VoiceAnswer, tmp_path_factory: pytest.TempPathFactory
) -> effigie.voice.LearnReport:
    """With few and short pieces of speech to compare: each is spoken by a whole network."""
    output = tmp_path_factory.mktemp("voices") / "kumo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "SEGMENT", 16)
        patch.setattr(task, "HELD_OUT_SEGMENTS", 1)
        return learn([recording], output, LearnSettings(steps=1, speech_s=12), consent=consent, answer=answer)


@pytest.mark.slow
def test_a_voice_is_learned_and_speaks(learned: effigie.voice.LearnReport, tmp_path: Path) -> None:
    assert learned.base[:3] in ("am_", "bm_") and learned.utterances >= 2 and learned.speech_s > 8
    found = describe_voice(learned.output)
    assert 70 < found["median_f0_hz"] < 200 and found["recordings"] == ["kumo.flac"]
    utterances = load_utterances(learned.output / "set.parquet")
    assert all(600 * one.durations.sum() == len(one.samples) for one in utterances)
    assert "canoe" in " ".join(one.text for one in utterances).lower()
    (reviewed,) = effigie.voice.review(learned.output).recordings
    assert reviewed.name == "kumo.flac" and reviewed.quality.speech_s > 5 and reviewed.phonemes["s"] > 1
    report = speak(learned.output, "Papa.", tmp_path / "out.flac")
    told = " ".join(map(str, effigie.verify(report.output).lines))
    assert report.output_id in told and describe_voice(learned.output)["consents"][0] in told
    assert read_sound(report.output, RATE).duration > 0.3


@pytest.mark.slow
def test_a_voice_follows_its_recordings_unless_it_was_learned_before_they_were_kept(
    learned: effigie.voice.LearnReport, tmp_path: Path
) -> None:
    voice = load_voice(learned.output)
    assert voice.exemplars is not None and len(voice.exemplars.keys) > 100

    def say(model: VoiceModel, likeness: float) -> np.ndarray:
        (speech,) = stream_speech(model, "Papa.", SpeakSettings(likeness=likeness))
        return speech.sound.samples[0]

    plain, near = say(voice, 0.0), say(voice, 1.0)
    assert plain.shape == near.shape and np.abs(plain - near).max() > 0.01
    older = shutil.copytree(learned.output, tmp_path / "older")
    tensors = load_tensors(older / VOICE)
    save_weights(older / VOICE, {name: one for name, one in tensors.items() if not name.startswith("exemplar.")})
    assert np.allclose(say(load_voice(older), 1.0), plain, atol=1e-3)
    save_weights(older / VOICE, {name: one for name, one in tensors.items() if name != "exemplar.gains"})
    with pytest.raises(ModelError, match="learn the voice again"):
        load_voice(older)


@pytest.mark.slow
def test_a_performance_is_converted_in_its_time(
    learned: effigie.voice.LearnReport, performance: Path, tmp_path: Path
) -> None:
    report = convert(learned.output, performance, tmp_path / "out.wav")
    source, made = (read_sound(path, RATE).mono() for path in (performance, tmp_path / "out.wav"))
    assert abs(len(source) - len(made)) <= 1 and report.utterances >= 1
    loud = [np.convolve(one**2, np.ones(2400), "same")[::240] for one in (source, made[: len(source)])]
    assert np.corrcoef(*(np.log(one + 1e-3) for one in loud))[0, 1] > 0.6


@pytest.mark.slow
def test_no_voice_without_consent(
    recording: Path,
    performance: Path,
    consent: Consent,
    answer: VoiceAnswer,
    learned: effigie.voice.LearnReport,
    tmp_path: Path,
) -> None:
    with pytest.raises(RefusedError, match="fresh sentence"):
        learn([recording], tmp_path / "voice", consent=consent)
    with pytest.raises(RefusedError, match="agrees with the consent"):
        learn([performance], tmp_path / "voice", consent=consent, answer=answer)
    assert not (tmp_path / "voice" / "config.json").exists()
    revocation = revoke(consent, reason="changed their mind")
    revocation.save(learned.output / "consents" / f"{consent.id}.revoked.json")
    try:
        with pytest.raises(RefusedError, match="revoked"):
            load_voice(learned.output)
    finally:
        (learned.output / "consents" / f"{consent.id}.revoked.json").unlink()


@pytest.mark.slow
def test_words_are_found_where_they_are_said() -> None:
    network = load_speech_network()
    (speech,) = stream_speech(load_voice("kumo"), "Papa made a copper kettle.")
    samples = speech.sound.samples[0, : -int(0.4 * RATE)]
    found = align(network, samples, "pˈɑpə mˌAd ɐ kˈɑpəɹ kˈɛɾᵊl.", ("willow",))
    begins = np.cumsum(found.durations)[:-2] * 0.025
    expected = np.array([one.start_s for one in speech.phonemes])[: len(begins)]
    assert np.median(np.abs(begins - 0.05 - expected)) < 0.06
    wrong = align(network, samples, "sˈɛvən ʌnʃˈʊɹ ˈɛləfənts wˈɪʃ fɔɹ fɹˈɛʃ fˈɪʃ.", ("willow",))
    assert wrong.cost > found.cost + 0.3


def test_what_is_heard_is_carried_over_to_speech_of_another_speed() -> None:
    """A network that is heard early by a frame in slow speech is so in fast speech, not by half of it."""
    durations, slow = np.full(10, 20), np.arange(401)
    path = np.stack([slow, slow / 2], axis=1)  # all is said twice as fast
    found = carry_over_durations(durations, path, 100)
    ends = np.cumsum(found)
    heard = (np.cumsum(durations) * FRAME_S - HEARD_EARLIER_S) / 2
    assert ends[-1] == 100
    assert np.abs(ends[:-1] * FRAME_S - HEARD_EARLIER_S - heard[:-1]).max() <= FRAME_S / 2 + 1e-9


def test_silence_beside_a_script_is_nothing(tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "a.wav", RATE, 1) as writer:
        writer.write(np.zeros((1, RATE), np.float32))
    (tmp_path / "a.txt").write_text("Papa.", encoding="utf-8")
    assert not list(listen(load_speech_network(), tmp_path / "a.wav"))


def test_a_set_is_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal(6000)).astype(np.float32)
    one = Utterance(
        "a.wav", 1.5, "hm", "hm", np.array([2, 3, 3, 2]), np.ones(20, np.float32), np.ones(20, np.float32), 4.0, samples
    )
    save_utterances(tmp_path / "set.parquet", [one, replace(one, text="two")])
    first, second = load_utterances(tmp_path / "set.parquet")
    assert second.text == "two" and first.durations.tolist() == [2, 3, 3, 2]
    assert np.abs(first.samples - samples).max() < 1e-4
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(ModelError, match="no voice set"):
        load_utterances(tmp_path / "bad.parquet")


def test_adapters_change_nothing_until_they_learn() -> None:
    torch.manual_seed(0)
    decoder = Decoder().eval()
    weight = decoder.first.conv1.weight.detach().clone()
    plain = apply_adapters(decoder, {})
    assert plain is decoder
    trained = Decoder()
    trained.load_state_dict(decoder.state_dict())
    parameters = add_adapters(trained)
    assert torch.equal(trained.first.conv1.weight, weight) and len(parameters) == 2 * len(list_adapted(decoder))
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(0.01)
    adapted = apply_adapters(decoder, read_adapters(trained))
    assert torch.allclose(adapted.first.conv1.weight, trained.first.conv1.weight, atol=1e-6)
    assert torch.equal(decoder.first.conv1.weight, weight)
    with pytest.raises(ValueError, match="another network"):
        apply_adapters(decoder, {"x": torch.zeros(1)})


def test_the_loss_sees_envelopes_and_not_harmonics() -> None:
    loss, time = EnvelopeLoss(), torch.arange(RATE) / RATE

    def tone(pitch: float, tilt: float) -> torch.Tensor:
        return sum(0.05 / k**tilt * torch.sin(2 * torch.pi * k * pitch * time) for k in range(1, 30))  # type: ignore[return-value]

    same, pitch, envelope = (
        float(loss(one, tone(110, 1.0))) for one in (tone(110, 1.0), tone(114, 1.0), tone(110, 1.8))
    )
    assert same < 1e-4 and envelope > 3 * pitch


def test_what_is_unvoiced_is_no_melody() -> None:
    said = np.array([15, 200, 220, 18, 30, 240, 12], np.float32)
    own = Melody.measure(said)
    assert own is not None and 200 < np.exp(own.mean) < 240
    moved = carry_over(said, own, Melody(np.log(110), own.spread), keep=1.0)
    assert (moved[[0, 3, 4, 6]] == 0).all() and np.allclose(np.exp(np.log(moved[[1, 2, 5]]).mean()), 110)


def test_speech_is_as_loud_as_what_was_learned_and_not_quieter_than_a_room() -> None:
    quiet = np.concatenate([np.full(100, -6), np.full(100, 3), np.full(100, 6)]).astype(np.float32)
    raised = raise_to_learned(quiet, np.arange(300) < 50)
    speech = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    speech[:RATE] *= 0.01
    learned = measure_network_energy(level_samples(speech))
    assert abs(raised[250] - np.median(learned[100:])) < 0.3
    assert (
        raised[150] - raised[250] == pytest.approx(-3)
        and -2 < raised[50] < 2
        and raised[49] - raised[250] == pytest.approx(-12)
    )
    assert (np.diff(raise_to_learned(np.arange(-9.0, 9.0), np.zeros(18, bool))) > 0).all()


def test_levels_are_the_networks() -> None:
    speech = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    speech[: RATE // 2] *= 0.01
    loud, quiet = level_samples(speech), level_samples(0.01 * speech)
    assert np.abs(loud - quiet).max() < 1e-2 * np.abs(loud).max()


def test_what_cannot_be_learned_gets_a_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name recordings"):
        learn([], tmp_path / "voice")
    with SoundWriter(tmp_path / "silent.wav", RATE, 1) as writer:
        writer.write(np.zeros((1, RATE), np.float32))
    with pytest.raises(MediaError):
        learn([tmp_path / "silent.wav"], tmp_path / "voice")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    with pytest.raises(UsageError, match="full"):
        learn([tmp_path / "silent.wav"], tmp_path / "full")
    with pytest.raises(UsageError, match="neither a voice"):
        load_voice(tmp_path / "nothing")
