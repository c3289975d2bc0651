"""Tests of a driver's motion: clips that lose the face, show several or none; saved and read as a template."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow.parquet as pq
import pytest
from driven import build_motion
from scipy.spatial.transform import Rotation

from effigie.errors import CancelledError, MediaError, UsageError
from effigie.faces.mesh import AXIS_FLIP, Pose, eye_distance, load_canonical_mesh
from effigie.heads.motion.motion import Motion, blend_reappearances, read_motion
from effigie.heads.motion.template import is_template, load_motion, save_motion
from effigie.media import VideoReader, VideoWriter
from effigie.progress import CancelToken


@pytest.fixture(scope="module")
def man_motion(man):
    return read_motion(man, max_frames=40)


@pytest.fixture(scope="module")
def face():
    """(478, 3) px: the canonical face, irises in its eyes."""
    vertices = load_canonical_mesh().vertices
    irises = np.concatenate([np.repeat(vertices[[159]], 5, 0), np.repeat(vertices[[386]], 5, 0)])
    return Pose(AXIS_FLIP, 10.0, np.array([320.0, 180.0, 0.0])).apply(np.concatenate([vertices, irises]))


@pytest.mark.slow
def test_every_frame_has_its_exact_time_and_the_face_as_it_was_measured(man, man_motion):
    from effigie.faces.analyzer import analyze

    with VideoReader(man, stop=40) as reader:
        analyzed = list(analyze(reader, rate=float(reader.info.rate)))
    assert man_motion.times == tuple(item.frame.time for item in analyzed)
    assert man_motion.durations == tuple(item.frame.duration for item in analyzed)
    assert man_motion.present.all()
    assert (man_motion.size, man_motion.rate) == ((640, 360), 30)
    for index, item in enumerate(analyzed):
        error = np.abs(man_motion.landmarks(index) - item.faces[0].landmarks).max()
        assert error < 0.01 * eye_distance(item.faces[0].landmarks)


def test_the_neutral_frame_is_calm(man_motion):
    shown = man_motion.blendshapes[man_motion.neutral_frame]
    energy = (man_motion.blendshapes[:, 1:] ** 2).sum(1)
    assert energy[man_motion.neutral_frame] <= np.median(energy)
    assert max(shown[9], shown[10]) < 0.3  # eyes open
    assert shown[25] < 0.1  # jaw shut
    assert np.abs(man_motion.pose(man_motion.neutral_frame).angles[:2]).max() < 10


def test_another_neutral_frame_can_be_chosen(man, man_motion):
    assert read_motion(man, neutral_frame=3, max_frames=8).neutral_frame == 3
    with pytest.raises(UsageError, match="none of the driver's 40"):
        man_motion.with_neutral_frame(40)


@pytest.fixture(scope="module")
def broken_off(man, tmp_path_factory):
    """The man, then nobody for six frames, then the man with time reversed: he has moved meanwhile."""
    path = tmp_path_factory.mktemp("gap") / "gap.mp4"
    with VideoReader(man, stop=40) as reader, VideoWriter(path, reader.info) as writer:
        frames = list(reader)
        shown = [frame.image for frame in frames[:12]]
        shown += [np.full_like(shown[0], 90)] * 6
        shown += [np.roll(frame.image, 30, axis=1) for frame in frames[12:30]]
        for frame, image in zip(frames, shown, strict=False):
            writer.write(image, frame.time, frame.duration)
    return path


@pytest.mark.slow
def test_a_lost_face_is_held_and_leads_back_softly(broken_off):
    motion = read_motion(broken_off)
    assert (~motion.present).nonzero()[0].tolist() == list(range(12, 18))
    for index in range(12, 18):
        assert np.array_equal(motion.unposed[index], motion.unposed[11])
        assert np.array_equal(motion.translation[index], motion.translation[11])
    x = motion.translation[:, 0]
    assert abs(x[-1] - x[11]) > 20
    steps = np.abs(np.diff(x[11:26]))
    assert steps.max() < 0.45 * abs(x[-1] - x[11])  # no jump: the way back takes frames
    assert steps[:6].max() == 0


@pytest.mark.slow
def test_before_the_first_appearance_the_face_rests(sample):
    motion = read_motion(sample("sample_man_enters"), max_frames=104)
    assert not motion.present[:96].any() and motion.present[96:].all()
    assert motion.present[motion.neutral_frame]
    assert np.abs(motion.landmarks(0) - motion.landmarks(50)).max() == 0
    assert len({b - a for a, b in zip(motion.times, motion.times[1:], strict=False)}) > 2  # uneven times are kept


def test_recovery_is_a_matter_of_time_not_of_frames(face):
    """The same gap at twice the rate takes twice the frames."""
    for rate in (25, 50):
        count = 4 * rate // 5
        moved = np.stack([face + np.array([0 if i < 4 else 40, 0, 0]) for i in range(count)])
        present = np.array([i not in (3, 4) for i in range(count)])
        motion = build_motion(moved, present=present, rate=rate)
        held = replace(motion, translation=np.where(present[:, None], motion.translation, motion.translation[2]))
        x = blend_reappearances(held).translation[:, 0] - motion.translation[0, 0]
        on_the_way = ((x > 0.01) & (x < 39.99)).sum()
        assert on_the_way == pytest.approx(0.2 * rate - 1, abs=1)
        assert np.all(np.diff(x) >= -1e-9)
        assert x[-1] == pytest.approx(40)


def test_no_face_and_too_few_faces_are_said(sample, man):
    with pytest.raises(MediaError, match="shows no face"):
        read_motion(sample("sample_no_face"), max_frames=6)
    with pytest.raises(MediaError, match="never shows 2 faces at once, at most 1"):
        read_motion(man, person=1, max_frames=4)
    with pytest.raises(UsageError):
        read_motion(man, person=-1)


@pytest.mark.slow
def test_who_moves_can_be_chosen(man, woman, tmp_path):
    """Two people side by side: the larger by default, the other by number, whoever stands where."""
    path = tmp_path / "two.mp4"
    with (
        VideoReader(man, stop=10) as left,
        VideoReader(woman, stop=10) as right,
        VideoWriter(path, left.info) as writer,
    ):
        for a, b in zip(left, right, strict=True):
            writer.write(np.hstack([a.image, b.image]), a.time, a.duration)
    assert read_motion(path).translation[:, 0].min() > 640
    assert read_motion(path, person=1).translation[:, 0].max() < 640


def test_reading_can_be_stopped(man):
    cancel, seen = CancelToken(), []

    def progress(report):
        seen.append(report.done)
        if report.done == 3:
            cancel.set()

    with pytest.raises(CancelledError):
        read_motion(man, progress=progress, cancel=cancel)
    assert seen[:3] == [1, 2, 3]


def test_a_template_says_the_same_and_holds_no_picture(man, man_motion, tmp_path):
    path = tmp_path / "man.motion"
    save_motion(man_motion, path)
    assert [file.name for file in tmp_path.iterdir()] == ["man.motion"]
    assert path.stat().st_size < 5000 * len(man_motion)
    assert is_template(path) and not is_template(man)
    again = load_motion(path)
    assert (again.times, again.durations) == (man_motion.times, man_motion.durations)
    assert (again.neutral_frame, again.rate, again.size) == (man_motion.neutral_frame, man_motion.rate, man_motion.size)
    assert (again.clip, again.sha256) == (man, man_motion.sha256)
    assert np.abs(again.unposed - man_motion.unposed).max() <= 0.00051
    assert np.abs(again.blendshapes - man_motion.blendshapes).max() < 1e-4
    for name in ("rotation", "scale", "translation", "present"):
        assert np.array_equal(getattr(again, name), getattr(man_motion, name))
    # Numbers alone: no column could hold a picture.
    kinds = {str(field.type) for field in pq.read_schema(path)}
    assert not [kind for kind in kinds if "binary" in kind or "string" in kind]


def test_the_sound_is_only_taken_from_the_very_clip(man_motion, tmp_path):
    impostor = tmp_path / "other.mp4"
    impostor.write_bytes(b"not that clip")
    save_motion(replace(man_motion, clip=impostor), tmp_path / "m.motion")
    assert load_motion(tmp_path / "m.motion").clip is None


@pytest.fixture
def saved(face, tmp_path):
    path = tmp_path / "t.motion"
    save_motion(build_motion(np.stack([face] * 5)), path)
    return path


def test_a_broken_template_is_one_clear_line(saved):
    whole = saved.read_bytes()
    for at in (5, len(whole) // 2, len(whole) - 9):
        saved.write_bytes(whole[:at])
        with pytest.raises(MediaError, match="damaged motion template"):
            load_motion(saved)
    # Wherever a byte is changed, a template either still loads or says so.
    refused = 0
    for at in range(4, len(whole), max(1, len(whole) // 60)):
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            load_motion(saved)
        except MediaError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 20


def rewritten(path, metadata=None, **columns):
    table = pq.read_table(path)
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), [values])
    table = table.replace_schema_metadata({**table.schema.metadata, **(metadata or {})})
    pq.write_table(table, path)


def test_newer_and_foreign_files_are_refused(saved, tmp_path):
    rewritten(saved, {b"effigie.version": b"2"})
    with pytest.raises(MediaError, match="version 2, this effigie reads up to 1"):
        load_motion(saved)
    rewritten(saved, {b"effigie.version": b"1", b"effigie.format": b"something"})
    with pytest.raises(MediaError, match="no motion template"):
        load_motion(saved)
    with pytest.raises(MediaError, match="does not exist"):
        load_motion(tmp_path / "nowhere.motion")


@pytest.mark.parametrize(
    ("metadata", "columns"),
    [
        ({b"effigie.neutral": b"9"}, {}),
        ({b"effigie.rate": b"0/1"}, {}),
        ({b"effigie.time_base": b"1/0"}, {}),
        ({}, {"scale": [1.0, 1.0, float("nan"), 1.0, 1.0]}),
        ({}, {"scale": [1.0, -1.0, 1.0, 1.0, 1.0]}),
        ({}, {"time_num": [0, 2, 1, 3, 4], "time_den": [25] * 5}),
        ({}, {"time_den": [0] * 5}),
        ({}, {"rotation": [[0.0] * 9] * 5}),
        ({}, {"translation": [[float("inf")] * 3] * 5}),
    ],
)
def test_nonsense_is_refused(saved, metadata, columns):
    import pyarrow as pa

    schema = pq.read_schema(saved)
    arrays = {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
    rewritten(saved, metadata, **arrays)
    with pytest.raises(MediaError, match="damaged motion template"):
        load_motion(saved)


def test_a_motion_of_wrong_shapes_is_none(face):
    good = build_motion(np.stack([face] * 3))
    with pytest.raises(ValueError, match="unposed of 3 frames"):
        replace(good, unposed=good.unposed[:, :468])
    assert isinstance(good, Motion) and good.seconds()[-1] == pytest.approx(float(Fraction(2, 25)))


def test_rotations_survive(face, tmp_path):
    turned = [
        (face - face.mean(0)) @ Rotation.from_euler("xyz", [5 * i, 10 * i, -4 * i], degrees=True).as_matrix().T
        + face.mean(0)
        for i in range(4)
    ]
    motion = build_motion(np.stack(turned))
    save_motion(motion, tmp_path / "r.motion")
    again = load_motion(tmp_path / "r.motion")
    for index in range(4):
        assert np.abs(again.landmarks(index) - turned[index]).max() < 0.05
