"""Tests of the dub from the call and the command line to the signed file: what changes, what stays, who is asked."""

from __future__ import annotations

import json
import shutil
import wave
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from effigie.consent import Consent, new_consent, revoke
from effigie.consent.store import default_store
from effigie.dubbing import DubSettings, dub
from effigie.dubbing.consent import split_consents
from effigie.errors import CancelledError, MediaError, RefusedError, UsageError
from effigie.evaluate import evaluate_dub
from effigie.media import EncodeSettings, VideoReader, probe
from effigie.media.sound.reader import read_sound
from effigie.progress import CancelToken
from effigie.provenance import TrustSettings
from effigie.provenance.c2pa.reader import read_credentials

pytestmark = pytest.mark.slow

RATE, FRAMES = 16000, 36
PLAIN = DubSettings(
    max_frames=FRAMES,
    lips="heard",
    fit="keep",
    overrun="cut",
    encode=EncodeSettings(codec="ffv1"),
    trust=TrustSettings(watermark=False),
)


def syllables(begin, end, length):
    """(n,) a voiced noise that swells and fades five times a second from ``begin`` to ``end``, over a faint hiss."""
    clock = np.arange(round(length * RATE)) / RATE
    voiced = np.sign(np.sin(2 * np.pi * 130 * clock)) * np.abs(np.sin(2 * np.pi * 2.5 * clock)) ** 0.5
    hiss = 1e-4 * np.random.default_rng(5).normal(size=len(clock))
    return hiss + 0.1 * voiced * ((clock >= begin) & (clock < end))


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Syllables between silences, 1.6 s: longer than what is made of the clip."""
    return write_wav(tmp_path_factory.mktemp("said") / "said.wav", syllables(0.25, 0.95, 1.6))


@pytest.fixture(scope="module")
def photo(portrait, tmp_path_factory):
    """The man's first frame as a file."""
    path = tmp_path_factory.mktemp("photo") / "man.png"
    cv2.imwrite(str(path), portrait[..., ::-1])
    return path


@pytest.fixture(scope="module")
def consent(photo, tmp_path_factory):
    path = tmp_path_factory.mktemp("consent") / "man.json"
    new_consent("the man of the samples", [photo], ("animate",), basis="sample", evidence=[photo]).save(path)
    return path


@pytest.fixture(scope="module")
def dubbed(man, said, consent, tmp_path_factory):
    """The man dubbed, without loss and without mark: folder and report."""
    folder = tmp_path_factory.mktemp("dubbed")
    settings = replace(PLAIN, masks=folder / "masks")
    return folder, dub(man, folder / "out.mkv", settings, speech=said, consent=consent)


def decoded_planes(path, count):
    """Luma and colour of every picture as they were decoded."""
    with av.open(str(path)) as container:
        for frame, _ in zip(container.decode(video=0), range(count), strict=False):
            assert frame.format.name == "yuv420p"
            yield [
                np.asarray(plane).reshape(-1, plane.line_size)[: plane.height, : plane.width] for plane in frame.planes
            ]


def read_masks(folder):
    with VideoReader(folder) as reader:
        return [frame.image[..., 0] for frame in reader]


def test_outside_the_mouths_region_every_sample_is_the_footages(dubbed, man):
    folder, report = dubbed
    masks = read_masks(folder / "masks")
    assert len(masks) == report.frames == FRAMES and 10 < report.dubbed <= FRAMES
    pairs = zip(decoded_planes(man, FRAMES), decoded_planes(folder / "out.mkv", FRAMES), masks, strict=True)
    changed = 0
    for before, after, mask in pairs:
        # A colour sample belongs to two by two pixels, and is read by those around these.
        touched = mask > 0
        small = np.pad(touched, 2)
        near = np.maximum.reduce(
            [small[a : a + touched.shape[0], b : b + touched.shape[1]] for a in range(5) for b in range(5)]
        )
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            outside = ~touched if number == 0 else ~near[::2, ::2]
            assert np.array_equal(one[outside], other[outside])
            changed += int((one != other).sum())
        assert touched.mean() < 0.2
    assert changed > 1000


def test_the_mouth_does_what_is_heard_and_the_man_stays_himself(dubbed, man):
    folder, report = dubbed
    scores = evaluate_dub(folder / "out.mkv", man, folder / "masks", report.mouth, encode=EncodeSettings(codec="ffv1"))
    assert scores.gap_correlation > 0.75 and abs(scores.lag_s) <= 0.04
    assert scores.identity_share > 0.97
    assert scores.seam < 1.2


def test_sound_and_times_are_exact(dubbed, man, said):
    folder = dubbed[0]
    info, out = probe(man), probe(folder / "out.mkv")
    assert out.rate == info.rate and len(out.audio) == 1
    with VideoReader(man, stop=FRAMES) as one, VideoReader(folder / "out.mkv") as other:
        times = [(float(a.time), float(b.time)) for a, b in zip(one, other, strict=True)]
    assert max(abs(a - b) for a, b in times) < 0.001  # a tick of Matroska
    heard, own = read_sound(folder / "out.mkv", RATE).mono(), read_sound(said, RATE).mono()
    shift = int(np.argmax(np.correlate(np.pad(heard, (800, 800)), own[: len(heard)], "valid"))) - 800
    assert abs(shift) <= 0.005 * RATE
    assert len(heard) / RATE == pytest.approx(FRAMES / float(info.rate), abs=0.05)


def test_it_is_signed_and_says_what_it_is(dubbed):
    folder, report = dubbed
    assert read_credentials(folder / "out.mkv").output_id == report.output_id
    assert (folder / "out.mkv.notice.txt").is_file()
    assert any("were cut" in note for note in report.notes)


def test_an_input_is_not_written_over(man, said, consent, tmp_path):
    copy = shutil.copy(man, tmp_path / "man.mp4")
    with pytest.raises(UsageError, match="is an input itself"):
        dub(man, copy, PLAIN, speech=copy, consent=consent)


def test_a_text_is_spoken_and_its_lips_shut_when_it_says(man, consent, tmp_path, here):
    out = tmp_path / "out.mp4"
    arguments = ("dub", man, "--text", "Papa.", "--voice", "kumo", "-o", out, "--consent", consent, "--frames", 18)
    ended = here(*arguments, "--overrun", "cut", "--json")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["frames"] == 18 and told["dubbed"] > 5 and "mouth" not in told
    assert read_credentials(out).output_id == told["output_id"]


def test_a_dry_run_writes_nothing(man, said, tmp_path, here):
    ended = here("dub", man, "--speech", said, "-o", tmp_path / "out.mp4", "--dry-run")
    assert ended.code == 0 and "gives way" in ended.out
    assert not list(tmp_path.iterdir())


def test_a_sound_that_is_too_long_is_told(man, consent, said, tmp_path):
    with pytest.raises(UsageError, match=r"1\.20 s are too much.*--overrun cut"):
        dub(man, tmp_path / "out.mkv", replace(PLAIN, overrun="refuse", max_frames=12), speech=said, consent=consent)


@pytest.mark.parametrize(
    ("words", "settings", "line"),
    [
        ({}, {}, "nothing is to be said"),
        ({"speech": "said", "text": "Papa."}, {}, "cannot both be said"),
        ({"text": "Papa."}, {}, "--voice"),
        ({"speech": "said", "voice": "kumo"}, {}, "has a voice already"),
        ({"speech": "said"}, {"begin": 60.0}, "--begin must be earlier"),
        ({"speech": "silent"}, {}, "is silent"),
        ({"speech": "missing"}, {}, "missing.wav"),
        ({"text": "☺ ☺", "voice": "kumo"}, {}, "nothing that can be said"),
        ({"speech": "said"}, {"person": 3}, "at most 1"),
    ],
)
def test_bad_input_gets_one_line(man, said, consent, tmp_path, words, settings, line):
    names = {
        "said": said,
        "silent": write_wav(tmp_path / "silent.wav", np.zeros(RATE)),
        "missing": tmp_path / "missing.wav",
    }
    words = {key: names.get(value, value) if key == "speech" else value for key, value in words.items()}
    with pytest.raises((UsageError, MediaError), match=line):
        dub(man, tmp_path / "out.mkv", replace(PLAIN, max_frames=6, **settings), consent=consent, **words)
    assert not (tmp_path / "out.mkv").exists()


def test_a_clip_without_a_face(sample, said, consent, tmp_path):
    with pytest.raises(MediaError, match="shows no face"):
        dub(sample("sample_no_face"), tmp_path / "o.mp4", replace(PLAIN, max_frames=4), speech=said, consent=consent)


def test_without_consent_nobody_says_anything(man, photo, said, woman_consent, tmp_path, monkeypatch):
    quick = replace(PLAIN, max_frames=4)
    with pytest.raises(RefusedError):
        dub(man, tmp_path / "o.mkv", quick, speech=said, consent=woman_consent)
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    with pytest.raises(RefusedError, match="effigie consent new"):
        dub(man, tmp_path / "o.mkv", quick, speech=said)
    swap_only = new_consent("the man", [photo], ("swap",), basis="sample", evidence=[photo])
    with pytest.raises(RefusedError, match="for swap, not for animate"):
        dub(man, tmp_path / "o.mkv", quick, speech=said, consent=swap_only)
    record = new_consent("the man", [photo], ("animate",), basis="sample", evidence=[photo])
    default_store().add(record)
    default_store().revoke(revoke(record, reason="changed his mind"))
    with pytest.raises(RefusedError, match="revoked"):
        dub(man, tmp_path / "o.mkv", quick, speech=said, consent=record)
    assert not (tmp_path / "o.mkv").exists()


def test_records_go_to_the_face_or_to_the_voice(man, consent):
    face = Consent.load(consent)
    assert split_consents(None) == (None, None)
    assert split_consents(consent) == ([consent], None)
    assert split_consents([face]) == ([face], None)


def test_stopped_it_leaves_nothing(man, said, consent, tmp_path):
    cancel = CancelToken()

    def stop(progress):
        if progress.stage == "dub" and progress.done >= 2:
            cancel.set()

    target = tmp_path / "out.mkv"
    with pytest.raises(CancelledError):
        dub(man, target, replace(PLAIN, max_frames=12), speech=said, consent=consent, progress=stop, cancel=cancel)
    left = {path.name for path in tmp_path.iterdir()} - {".out.mkv.lock"}
    assert not left
    shutil.rmtree(tmp_path)
