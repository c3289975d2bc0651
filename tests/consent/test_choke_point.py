"""Tests that no public call bypasses the gate, and that no output is written without provenance."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import json
import math
import shutil
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from consent_making import made

import effigie
from effigie.consent import gate
from effigie.consent.face_matching import SubjectFaces
from effigie.consent.gate import Permit
from effigie.consent.keys import operator_key
from effigie.errors import RefusedError
from effigie.faceset import FaceSet
from effigie.media import VideoReader
from effigie.provenance.signed_sound_writer import SignedSoundWriter
from effigie.provenance.signed_writer import SignedWriter
from effigie.swap import SwapSettings

SOURCE = Path(effigie.__file__).parent
# What is public and shows a face, or gives what is needed to: every other public name only reads or measures.
SHOWING = {
    "effigie.train",
    "effigie.tune",
    "effigie.convert",
    "effigie.load_swap",
    "effigie.swap.train",
    "effigie.swap.load_swap",
    "effigie.swap.convert",
    "effigie.swap_clip",
    "effigie.swap.swap_clip",
    "effigie.swap.build_swap",
    "effigie.dub",
    "effigie.dubbing.dub",
    "effigie.convert_clips",
    "effigie.swap.convert_clips",
    "effigie.animate",
    "effigie.animate_clips",
    "effigie.heads.animate",
    "effigie.heads.animate_clips",
    "effigie.heads.tune",
    "effigie.heads.load_person",
}
# Meta-learning and pretraining show nobody: its result needs somebody's pictures, and then a record.
HARMLESS = {
    "effigie.extract",
    "effigie.review",
    "effigie.verify",
    "effigie.meta_train",
    "effigie.pretrain",
    "effigie.swap.pretrain",
    "effigie.heads.meta_train",
    "effigie.heads.load_heads",
    "effigie.heads.read_motion",
    "effigie.heads.load_motion",
    "effigie.heads.save_motion",
    "effigie.dubbing.plan_dub",
    "effigie.heads.build_motion",
    "effigie.heads.read_rig",
    "effigie.heads.load_template",
    "effigie.heads.save_template",
}
# Refused in tests of their own: they need more arguments.
NEEDS_MORE = {"effigie.train", "effigie.tune", "effigie.swap.train", "effigie.animate", "effigie.animate_clips"}
NEEDS_MORE |= {
    "effigie.dub",
    "effigie.dubbing.dub",
    "effigie.swap_clip",
    "effigie.swap.swap_clip",
    "effigie.swap.build_swap",
}


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A home folder without any consent record."""
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))


@pytest.fixture
def unconsented(model, tmp_path):
    """The model without its consent records."""
    copy = shutil.copytree(model, tmp_path / "model", ignore=shutil.ignore_patterns("training", "previews"))
    shutil.rmtree(copy / "consents")
    return copy


def public_calls():
    for room in (effigie, effigie.swap, effigie.heads, effigie.dubbing):
        for name in room.__all__:
            value = getattr(room, name)
            if inspect.isfunction(value):
                yield f"{room.__name__}.{name}"


def test_every_public_call_is_known_to_show_a_face_or_not():
    assert set(public_calls()) == SHOWING | HARMLESS


def test_training_without_consent_is_refused(nobody, few_faces, tmp_path):
    with pytest.raises(RefusedError, match="effigie consent new"):
        effigie.swap.train(*few_faces, tmp_path / "m", SwapSettings(steps=1, batch=2))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", sorted(name for name in SHOWING if "heads" not in name and name not in NEEDS_MORE))
def test_a_model_without_its_records_is_refused(nobody, unconsented, man, tmp_path, name):
    room, _, call = name.rpartition(".")
    function = getattr(importlib.import_module(room), call)
    arguments = (unconsented, man, tmp_path / "out.mp4") if "convert" in name else (unconsented,)
    with pytest.raises(RefusedError):
        function(*arguments)
    assert not (tmp_path / "out.mp4").exists()


def test_on_the_command_line_too(nobody, here, few_faces, unconsented, man, tmp_path):
    source, target = few_faces
    refused = here("train", "--source", source, "--target", target, "-o", tmp_path / "m", "--steps", 1)
    assert refused.code == 3
    refused = here("convert", unconsented, man, "-o", tmp_path / "o.mp4")
    assert refused.code == 3
    assert not (tmp_path / "o.mp4").exists()


def test_only_the_gate_makes_a_permit():
    with pytest.raises(TypeError):
        Permit("swap", ())


def test_nothing_leaves_without_a_permit(man, tmp_path):
    with VideoReader(man) as reader, pytest.raises(TypeError):
        SignedWriter(tmp_path / "out.mp4", reader.info, None, "convert")
    with pytest.raises(TypeError):
        SignedSoundWriter(tmp_path / "out.wav", 24000, 1, None, "voice speak")


# Ways to turn pixels or samples into a file, or into the bytes of one.
WRITES = {"VideoWriter", "VideoEncoder", "imwrite", "imencode", "imsave", "mimsave", "write_still", "write_png"}
WRITES |= {"to_image", "fromarray", "add_stream", "encode_jpeg", "encode_png", "LayerFiles", "write_exr"}
WRITES |= {"rewrite_exr", "write_tiff", "SequenceFiles"}
WRITES |= {"SoundWriter", "SoundFile", "wavfile", "write_sound"}
# Who does so, and what it is: nothing of it is a made face or voice but what
# `SignedWriter` and `SignedSoundWriter` write.
WRITERS = {
    "provenance/signed_writer.py": {"VideoWriter", "LayerFiles"},
    "provenance/signed_sound_writer.py": {"SoundWriter"},
    "media/sound/writer.py": {"add_stream"},
    "media/sound/track.py": {"add_stream"},  # sound that the signed writer hands on
    "media/layers/writer.py": {"write_exr"},
    "media/pictures/writer.py": {"imencode", "write_still"},
    "media/pictures/frame_files.py": {"imencode", "rewrite_exr", "write_tiff"},  # behind VideoWriter
    "media/pictures/tiff.py": {"imwrite"},
    "media/writer.py": {"VideoEncoder", "SequenceFiles"},
    "media/output/video_encoder.py": {"add_stream"},
    "swap/inference/conversion.py": {"VideoWriter"},  # masks, see below
    "dubbing/conversion.py": {"VideoWriter"},  # masks as well
    "evaluate/protocols/paired_reader.py": {"VideoWriter"},  # the input, encoded again
    "evaluate/protocols/heads.py": {"write_png"},  # sheets of what is measured
    "evaluate/protocols/swap.py": {"write_png"},
    "occlusion/synthetic/augmentation.py": {"imencode"},
    "provenance/watermark/clip_sample.py": {"imencode"},  # what an encoder leaves of the mark
    "consent/nsfw_detector.py": {"imencode"},  # as the network was trained
    "extraction/segment.py": {"imencode"},  # footage: the crops of a face set
    "faceset/plots/contact_sheet.py": {"write_png"},
    "faceset/plots/drawing.py": {"imencode"},
    "faceset/plots/pose_coverage.py": {"write_png"},
    "faceset/review/sheet.py": {"write_png"},
    "heads/person_checkpoint.py": {"imencode"},  # the person's own portrait
    "media/output/stream_copy.py": {"add_stream"},  # sound and subtitles, bytes as they were
    "studio/views/face_grid.py": {"imencode"},  # crops of a face set, to the user's own browser
    "studio/views/frames.py": {"imencode"},  # decoded frames of files as they are, to the user's own browser
    "execution/desk.py": {"imencode"},  # for the three below
    "heads/preview/process.py": {"encode_jpeg"},  # frames that `FrameMarker` marked, to the user's own browser
    "swap/preview/comparison_process.py": {"encode_jpeg"},  # as well
    "swap/preview/process.py": {"encode_jpeg"},  # as well
    "training/monitor/plot.py": {"encode_png"},  # curves
    "voice/review/sheet.py": {"imencode"},  # spectrograms
    "voice/sound_view.py": {"imencode"},  # as well
    "voice/dataset.py": {"SoundWriter"},  # recordings: the utterances of a voice set, as they were
    "training/monitor/previews.py": {"encode_png", "imencode"},
    "demo.py": {"write_png"},  # pictures of people that are its inputs
    "swap/inference/comparison_sheet.py": {"write_png"},  # frames of the signed output, beside the input's
    "swap/inference/swap_clip.py": {"write_png"},  # a frame of the footage
}


def test_made_frames_and_sound_are_written_by_the_signed_writers_alone():
    """Every module that writes pixels or samples to a file is on the list, with what it writes."""
    found: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in WRITES:
                found.setdefault(path.relative_to(SOURCE).as_posix(), set()).add(name)
            if path.name == "conversion.py" and name == "VideoWriter":
                assert "masks" in ast.unparse(node.args[0]), f"{path.name}: {ast.unparse(node)}"
    assert found == WRITERS


def test_one_module_alone_writes_exr():
    users = [path.name for path in SOURCE.rglob("*.py") if "import OpenEXR" in path.read_text(encoding="utf-8")]
    assert users == ["exr.py"]


def test_a_revoked_consent_stops_a_finished_model(model, man, tmp_path, monkeypatch):
    from effigie.consent import Consent, default_store, revoke
    from effigie.progress import CancelToken
    from effigie.swap import PersonAssignment
    from effigie.swap.editing.project import Project, save_project
    from effigie.swap.preview.process import ProjectDesk

    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    copy = shutil.copytree(model, tmp_path / "model", ignore=shutil.ignore_patterns("training", "previews"))
    # Who can revoke is who has signed: a record of the same face, with the key of this home.
    (path,) = (copy / "consents").glob("*.json")
    record = made(operator_key(), embeddings=Consent.load(path).embeddings, begins=date(2020, 1, 1), until=None)
    path.unlink()
    record.save(copy / "consents" / f"{record.id}.json")
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    (copy / "manifest.json").write_text(json.dumps(manifest | {"consents": [record.id]}), "utf-8")
    assert gate.permit_model(copy, "swap").ids == (record.id,)
    project = tmp_path / "scene.toml"
    save_project(Project(man, (PersonAssignment(copy),)), project)
    out = io.BytesIO()
    desk = ProjectDesk(project, out)
    desk.open()
    wish = {"seq": 1, "n": 0, "width": 64, "project": tomllib.loads(project.read_text("utf-8"))}
    default_store().revoke(revoke(record, reason="changed her mind"))
    desk._permit_time = -math.inf  # longer ago than PERMIT_INTERVAL_S
    with pytest.raises(RefusedError, match="changed her mind"):
        desk.show(wish, CancelToken())
    assert desk._preview is None and b'"kind": "frame"' not in out.getvalue()
    with pytest.raises(RefusedError, match="changed her mind"):
        effigie.convert(copy, man, tmp_path / "out.mp4")


def test_another_face_in_the_bank_is_refused(model, man_faces, tmp_path):
    """The gate measures a model's faces again: a record of the woman does not cover a bank of the man."""
    without = shutil.ignore_patterns("training", "previews", "bank")
    copy = shutil.copytree(model, tmp_path / "model", ignore=without)
    shutil.copytree(man_faces, copy / "bank")
    with pytest.raises(RefusedError, match="agree"):
        gate.permit_model(copy, "swap")
    assert np.isfinite(gate.MATCH_THRESHOLD)


def test_an_edited_identity_column_does_not_help(man_faces, woman_consent):
    """The man's pictures with the woman's embedding: the gate measures the pictures."""
    from effigie.consent import Consent

    woman = Consent.load(woman_consent)
    honest = SubjectFaces.from_faces(FaceSet.open(man_faces).load(["embedding", "landmarks", "matrix"]))
    edited = replace(honest, embeddings=np.repeat(woman.embeddings[:1], len(honest.embeddings), axis=0))
    with pytest.raises(RefusedError, match="pictures do not show"):
        gate.permit("swap", edited, woman)
