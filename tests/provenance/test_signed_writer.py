"""Tests of the signed writer: an output is marked, signed, entered and noted, or not written at all."""

from __future__ import annotations

import functools
import json
import shutil

import c2pa
import numpy as np
import pytest

import effigie
from effigie.errors import UsageError
from effigie.faceset import FaceSet
from effigie.media import EncodeSettings, VideoReader
from effigie.media.pictures.writer import write_still
from effigie.provenance import TrustSettings
from effigie.provenance.c2pa.reader import read_credentials
from effigie.provenance.ledger.ledger import Ledger
from effigie.provenance.output_record import OutputRecord
from effigie.swap import ConvertSettings

FRAMES = 4


@pytest.fixture(scope="module")
def clip(man, cut, tmp_path_factory):
    """The man, some frames."""
    return cut(man, tmp_path_factory.mktemp("clip") / "man.mp4", 0, FRAMES)


@pytest.fixture(scope="module")
def swapped(model, clip, tmp_path_factory):
    """swapped(output, **settings) -> the report, by a model with few pictures: the gate looks at them each time."""
    small = tmp_path_factory.mktemp("small") / "model"
    shutil.copytree(model, small, ignore=shutil.ignore_patterns("training", "previews", "bank"))
    whole = FaceSet.open(model / "bank")
    few = FaceSet.create(small / "bank", whole.settings)
    (source,) = whole.sources.values()
    with few.writer(source) as writer:
        writer.write(list(whole.records())[::48])
    return lambda output, consent=None, **settings: effigie.convert(
        small, clip, output, ConvertSettings(**settings), consent=consent
    )


@pytest.fixture(scope="module")
def made(swapped, tmp_path_factory):
    """made(name) -> the path of an output with nothing but defaults, and the report: made at the first call."""
    folder = tmp_path_factory.mktemp("made")

    @functools.cache
    def make(name):
        if name == "frames":
            return folder / name, swapped(folder / name, encode=EncodeSettings(codec="png"))
        one = {"max_frames": 1} if name.endswith(("png", "jpg")) else {}
        return folder / name, swapped(folder / name, **one)

    return make


def pictures(path):
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.png", "out.jpg"])
def test_every_format_carries_credentials_that_others_read(made, clip, name):
    path, report = made(name)
    state = read_credentials(path)
    assert (state.state, state.is_effigie_output, state.output_id) == ("trusted", True, report.output_id)
    assert state.mark == report.output_id
    assert [ingredient.title for ingredient in state.ingredients] == [clip.name]
    with c2pa.Reader(str(path)) as reader:  # an independent look, with no setting of ours
        store = json.loads(reader.json())
    assert store["validation_state"] in ("Valid", "Trusted")
    assert "compositeWithTrainedAlgorithmicMedia" in json.dumps(store["manifests"])


def test_a_folder_of_frames_carries_them_in_each(made):
    path, report = made("frames")
    files = sorted(path.iterdir())
    assert [file.name for file in files] == [f"{number:06d}.png" for number in range(FRAMES)]
    assert {read_credentials(file).output_id for file in files} == {report.output_id}


def test_mkv_carries_them_beside_it_and_says_so(made):
    path, report = made("out.mkv")
    assert any("credentials" in note for note in report.notes)
    assert read_credentials(path).state in ("trusted", "valid")


def test_the_ledger_and_the_notice_know_it(made):
    path, report = made("out.mp4")
    entry = Ledger().find_by_id(report.output_id)
    assert entry is not None
    assert (entry.name, entry.command) == ("out.mp4", "convert")
    assert len(entry.consents) == 1 and entry.fingerprints and entry.model_hash
    assert entry.free_bits is not None
    notice = path.with_name("out.mp4.notice.txt").read_text(encoding="utf-8")
    assert report.output_id in notice and "AI-generated" in notice


def test_the_mark_is_on_by_default_and_the_label_on_request(made, swapped, tmp_path):
    png = EncodeSettings(codec="png")
    bare = swapped(tmp_path / "bare", encode=png, trust=TrustSettings(watermark=False))
    swapped(tmp_path / "label", encode=png, trust=TrustSettings(watermark=False, label="corner"))
    assert read_credentials(tmp_path / "bare" / "000000.png").mark is None
    assert bare.output_id
    plain, marked, labeled = (
        pictures(path)[0].astype(int) for path in (tmp_path / "bare", made("frames")[0], tmp_path / "label")
    )
    everywhere = np.abs(marked - plain).max(2) > 0
    assert everywhere.mean() > 0.05 and np.abs(marked - plain).max() < 40
    drawn = np.abs(labeled - plain).max(2) > 60
    assert 0.0005 < drawn.mean() < 0.1


def test_two_outputs_never_share_an_id(made):
    """Of one clip by one model."""
    names = ("out.mp4", "out.png", "out.jpg")
    assert len({made(name)[1].output_id for name in names}) == len(names)


def test_what_cannot_be_signed_does_not_leave(swapped, tmp_path, monkeypatch):
    """The last step fails: neither output nor notice nor ledger entry stays."""
    entries = len(list(Ledger().entries()))
    monkeypatch.setattr(OutputRecord, "_sign", lambda self, path: (_ for _ in ()).throw(UsageError("cannot sign")))
    with pytest.raises(UsageError):
        swapped(tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []
    assert len(list(Ledger().entries())) == entries


def test_a_certificate_that_cannot_sign_is_refused_before_the_work(swapped, tmp_path):
    (tmp_path / "c.pem").write_text("no certificate")
    (tmp_path / "k.pem").write_text("no key")
    trust = TrustSettings(certificate=tmp_path / "c.pem", key=tmp_path / "k.pem")
    with pytest.raises(UsageError):
        swapped(tmp_path / "out.mp4", trust=trust)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "wrong", [{"label": "big"}, {"certificate": "c.pem"}, {"timestamp_authority": "ftp://time.example"}]
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        TrustSettings(**wrong)


def test_a_bare_attestation_cannot_hide_the_notice(swapped, woman, tmp_path):
    """With evidence the notice is off by default; without any it is drawn, and the report says why."""
    photo = tmp_path / "woman.png"
    with VideoReader(woman, stop=1) as reader:
        write_still(photo, next(iter(reader)).image)
    bare = effigie.consent.new_consent("the woman of the samples", [photo], ("swap",), basis="her word, she says")
    assert bare.is_bare
    evident = effigie.consent.new_consent("the woman", [photo], ("swap",), basis="release", evidence=[photo])
    assert not evident.is_bare
    corners = {}
    for name, record in (("bare", bare), ("evident", evident)):
        report = swapped(tmp_path / f"{name}.png", max_frames=1, consent=record, trust=TrustSettings(label="off"))
        corners[name] = pictures(report.output)[0]
        assert any("cannot be switched off" in note for note in report.notes) == (name == "bare")
    difference = np.abs(corners["bare"].astype(int) - corners["evident"])
    assert difference.max() > 100  # the words
