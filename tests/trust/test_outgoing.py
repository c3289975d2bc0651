"""What leaves is marked, signed, entered and noted, or it does not leave at all."""

from __future__ import annotations

import json

import c2pa
import numpy as np
import pytest

import effigie
from effigie.errors import UsageError
from effigie.media import EncodeSettings, Reader
from effigie.swap import ConvertSettings
from effigie.provenance import TrustSettings
from effigie.provenance.c2pa.credentials import read_credentials
from effigie.provenance.ledger.ledger import Ledger
from effigie.provenance.signed_writer import Outgoing


def swapped(model, clip, output, **settings):
    settings.setdefault("stop_after", 4)
    return effigie.convert(model, clip, output, ConvertSettings(**settings))


def pictures(path):
    with Reader(path) as reader:
        return [frame.image for frame in reader]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.png", "out.jpg"])
def test_every_format_carries_credentials_that_others_read(model, man, tmp_path, name):
    one = {"stop_after": 1} if name.endswith(("png", "jpg")) else {}
    report = swapped(model, man, tmp_path / name, **one)
    state = read_credentials(tmp_path / name)
    assert (state.state, state.ours, state.output_id) == ("trusted", True, report.output_id)
    assert state.mark == report.output_id
    assert [ingredient.title for ingredient in state.ingredients] == [man.name]
    with c2pa.Reader(str(tmp_path / name)) as reader:  # an independent look, with no setting of ours
        store = json.loads(reader.json())
    assert store["validation_state"] in ("Valid", "Trusted")
    assert "compositeWithTrainedAlgorithmicMedia" in json.dumps(store["manifests"])


def test_a_folder_of_frames_carries_them_in_each(model, man, tmp_path):
    report = swapped(model, man, tmp_path / "frames", encode=EncodeSettings(codec="png"))
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == [f"{number:06d}.png" for number in range(4)]
    assert {read_credentials(file).output_id for file in files} == {report.output_id}


def test_mkv_carries_them_beside_it_and_says_so(model, man, tmp_path):
    report = swapped(model, man, tmp_path / "out.mkv")
    assert any("credentials" in note for note in report.notes)
    assert read_credentials(tmp_path / "out.mkv").state in ("trusted", "valid")


def test_the_ledger_and_the_notice_know_it(model, man, tmp_path):
    report = swapped(model, man, tmp_path / "out.mp4")
    entry = Ledger().by_id(report.output_id)
    assert entry is not None
    assert (entry.name, entry.command) == ("out.mp4", "convert")
    assert len(entry.consents) == 1 and entry.fingerprints and entry.model_hash
    notice = (tmp_path / "out.mp4.notice.txt").read_text(encoding="utf-8")
    assert report.output_id in notice and "AI-generated" in notice


def test_the_mark_is_on_by_default_and_the_label_on_request(model, man, tmp_path):
    png = EncodeSettings(codec="png")
    bare = swapped(model, man, tmp_path / "bare", encode=png, trust=TrustSettings(watermark=False))
    swapped(model, man, tmp_path / "marked", encode=png)
    swapped(model, man, tmp_path / "label", encode=png, trust=TrustSettings(watermark=False, label="corner"))
    assert read_credentials(tmp_path / "bare" / "000000.png").mark is None
    assert bare.output_id
    plain, marked, labeled = (
        pictures(tmp_path / name)[0].astype(int) for name in ("bare", "marked", "label")
    )
    everywhere = np.abs(marked - plain).max(2) > 0
    assert everywhere.mean() > 0.05 and np.abs(marked - plain).max() < 40
    drawn = np.abs(labeled - plain).max(2) > 60
    assert 0.0005 < drawn.mean() < 0.1


def test_two_outputs_never_share_an_id(model, man, tmp_path):
    ids = {swapped(model, man, tmp_path / f"{number}.png", stop_after=1).output_id for number in range(3)}
    assert len(ids) == 3


def test_what_cannot_be_signed_does_not_leave(model, man, tmp_path, monkeypatch):
    """The last step fails: nothing stays, neither output nor notice nor an entry."""
    entries = len(list(Ledger().entries()))
    monkeypatch.setattr(
        Outgoing, "_sign", lambda self, path: (_ for _ in ()).throw(UsageError("cannot sign"))
    )
    with pytest.raises(UsageError):
        swapped(model, man, tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []
    assert len(list(Ledger().entries())) == entries


def test_a_certificate_that_cannot_sign_is_refused_before_the_work(model, man, tmp_path):
    (tmp_path / "c.pem").write_text("no certificate")
    (tmp_path / "k.pem").write_text("no key")
    trust = TrustSettings(certificate=tmp_path / "c.pem", key=tmp_path / "k.pem")
    with pytest.raises(UsageError):
        swapped(model, man, tmp_path / "out.mp4", trust=trust)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "big"},
        {"certificate": "c.pem"},
        {"timestamp_authority": "ftp://time.example"},
    ],
)
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        TrustSettings(**wrong)
