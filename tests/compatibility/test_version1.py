"""Tests that files of version 0.1 are still read: face set, swap, heads, person, motion, project, consent, outputs.

The files beside this one were made by that version of NASA's astronaut (public domain), with networks of a few channels
that were trained for two steps.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import effigie
from effigie.consent import Consent
from effigie.faceset import FaceSet
from effigie.heads import load_heads, load_motion, load_person
from effigie.media import VideoReader
from effigie.provenance.config import TrustSettings
from effigie.swap import ConvertSettings

pytestmark = pytest.mark.slow
HERE = Path(__file__).with_name("version1")
PLAIN = TrustSettings(watermark=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy: nothing may be written beside the originals."""
    return Path(shutil.copytree(HERE, tmp_path / "version1"))


def frames(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def test_a_face_set(files: Path) -> None:
    faces = FaceSet.open(files / "source.faces")
    assert len(faces) == 24
    assert faces.load(["embedding", "landmarks"]).crop(3).shape == (128, 128, 3)


def test_a_consent_and_the_outputs_made_with_it(files: Path) -> None:
    record = Consent.load(files / "consent.json")
    assert record.subject == "Astronaut"
    for name in ("output.mp4", "animation.mp4"):
        found = effigie.verify(files / name)
        assert found.verdict == "made-by-effigie"
        assert found.credentials.consents == (record.id,)
        assert found.credentials.state in ("trusted", "valid")
    marked = effigie.verify(files / "output.mp4")
    assert marked.watermark is not None and marked.watermark.id == marked.credentials.output_id


def test_a_swap_converts_as_it_did(files: Path, tmp_path: Path) -> None:
    """Nearly the frames that version 0.1 made; its output has a mark on them, and the codec's loss."""
    model = effigie.load_swap(files / "model")
    assert model.network is not None
    settings = ConvertSettings(trust=PLAIN)
    report = effigie.convert(files / "model", files / "target.mp4", tmp_path / "out.mp4", settings)
    assert (report.frames, report.swapped) == (18, 18)
    before, now = frames(files / "output.mp4"), frames(tmp_path / "out.mp4")
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(before, now, strict=True)) < 6


def test_a_project_file(files: Path, here, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names in it are those of version 0.1: colour, among others."""
    text = (files / "project.toml").read_text("utf-8")
    assert 'colour = "reinhard"' in text
    ended = here("convert", files / "project.toml", "-o", "again.mp4", "--frames", 2)
    assert ended.code == 0, ended.err
    assert "2 of 2 frames swapped" in ended.out


def test_heads_person_and_motion(files: Path, tmp_path: Path) -> None:
    assert load_heads(files / "heads").prior
    assert len(load_motion(files / "motion.parquet")) == 18
    assert load_person(files / "person").portrait.image.shape == (256, 256, 3)
    seen = []
    settings = effigie.AnimateSettings(trust=PLAIN, max_frames=2)
    report = effigie.animate(
        files / "person", files / "motion.parquet", tmp_path / "out.mp4", settings, progress=seen.append
    )
    assert report.frames == 2
