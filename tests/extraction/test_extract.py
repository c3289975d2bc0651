"""Tests of extraction: who is found, how tracks continue over segments, what a second run does."""

from __future__ import annotations

import itertools
import shutil
from fractions import Fraction

import av
import numpy as np
import pytest

import effigie
from effigie.errors import FaceSetError, MediaError
from effigie.extraction import ExtractSettings, plan
from effigie.extraction.extractor import join_tracks
from effigie.extraction.segment import SegmentResult
from effigie.faces.mesh import eye_distance
from effigie.faceset import FaceSet
from effigie.io.atomic_write import sha256

pytestmark = pytest.mark.slow

COLUMNS = ("landmarks", "embedding", "matrix", "time_num", "time_den", "blendshapes", "pose", "sharpness", "box")


@pytest.fixture(scope="module")
def everybody(sample, tmp_path_factory):
    """All short samples in one go."""
    names = ("sample_man_leaves", "sample_man_enters", "sample_no_face", "sample_group")
    output = tmp_path_factory.mktemp("everybody") / "faces"
    return effigie.extract([sample(name) for name in names], output)


def frames_of(faces, part):
    return [frame for clip, frame in zip(faces["clip"], faces["frame"], strict=True) if part in clip]


def test_the_man_is_found_in_every_frame(man_made, man_faces):
    assert "72 faces in 72 frames of 1 clip" in man_made.ended.out
    found = FaceSet.open(man_faces)
    faces = found.load(COLUMNS)
    assert faces["frame"].tolist() == list(range(72))
    assert set(faces["track"].tolist()) == {0}
    (source,) = found.sources.values()
    assert (source.frames, source.width, source.height, source.faces) == (72, 640, 360, 72)
    assert np.allclose(np.linalg.norm(faces["embedding"], axis=1), 1, atol=1e-5)
    assert faces.crop(0).shape == (found.crop_size, found.crop_size, 3)
    assert [path.name for path in man_faces.iterdir() if path.name.startswith(".")] == []


def test_the_woman_is_found_in_every_frame(woman_faces):
    """Strong expressions."""
    assert FaceSet.open(woman_faces).load(())["frame"].tolist() == list(range(96))
    assert len(FaceSet.open(woman_faces).people()) == 1


@pytest.mark.study
def test_the_woman_is_found_in_all_frames(sample, tmp_path):
    """All 472 frames: strong expressions, a hand over the face."""
    report = effigie.extract([sample("sample_woman")], tmp_path / "faces")
    assert report.frames == 472
    faces = FaceSet.open(tmp_path / "faces").load(("embedding",))
    assert len(set(faces["frame"].tolist())) >= 0.99 * 472
    assert len(FaceSet.open(tmp_path / "faces").people()) == 1


def test_times_are_the_clips_own(sample, everybody):
    """Variable frame rate: rows carry the exact time of their frame."""
    faces = FaceSet.open(everybody.output).load(("time_num", "time_den"))
    with av.open(str(sample("sample_man_enters"))) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert len({round(float(after - before), 3) for before, after in itertools.pairwise(times)}) == 4
    mine = [i for i, clip in enumerate(faces["clip"]) if "noface_face" in clip]
    found = [Fraction(int(faces["time_num"][i]), int(faces["time_den"][i])) for i in mine]
    assert found == times[96:168]


def test_who_comes_and_goes_is_found_while_there(everybody):
    faces = FaceSet.open(everybody.output).load(("box",))
    assert frames_of(faces, "face_noface") == list(range(72))
    assert frames_of(faces, "noface_face") == list(range(96, 168))
    assert frames_of(faces, "no_face") == []
    assert frames_of(faces, "multi_face") == [0] * 5


def test_a_clip_without_a_face_is_done_and_said(sample, everybody):
    assert everybody.without_faces == [str(sample("sample_no_face"))]
    assert everybody.failed == {}
    assert everybody.clips == 4
    found = FaceSet.open(everybody.output)
    assert found.has_source(sha256(sample("sample_no_face")))


def test_people_over_clips(everybody):
    """The man of two clips is one person; five friends side by side are five."""
    people = FaceSet.open(everybody.output).people()
    assert [person.faces for person in people] == [144, 1, 1, 1, 1, 1]
    assert len(people[0].clips) == 2


def rows(path):
    return FaceSet.open(path).load(COLUMNS)


@pytest.fixture(scope="module")
def in_segments(man, tmp_path_factory):
    """The man's 72 frames cut into three segments of work, two processes."""
    folder = tmp_path_factory.mktemp("segments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MIN_SEGMENT_FRAMES", 24)
        effigie.extract([man], folder / "faces", ExtractSettings(workers=2))
    return folder / "faces"


def test_segments_and_one_process_give_the_same_rows(man_faces, in_segments):
    whole, parts = rows(man_faces), rows(in_segments)
    for column in ("clip", "frame", "track", "time_num", "time_den"):
        assert list(whole[column]) == list(parts[column])
    # Where a segment begins, the face is detected afresh, so landmarks differ by the network's own tremble.
    unit = eye_distance(whole["landmarks"][0])
    difference = np.linalg.norm(whole["landmarks"][..., :2] - parts["landmarks"][..., :2], axis=2).max(1)
    assert difference.max() < 0.03 * unit
    assert np.median(difference) < 0.005 * unit
    assert np.abs(whole["matrix"] - parts["matrix"])[:, :, 2].max() < 0.004 * FaceSet.open(man_faces).crop_size
    assert (whole["embedding"] * parts["embedding"]).sum(1).min() > 0.95


def test_one_worker_gives_the_same_as_two(man, man_faces, tmp_path):
    effigie.extract([man], tmp_path / "faces", ExtractSettings(workers=1))
    one, two = rows(tmp_path / "faces"), rows(man_faces)
    for column in ("landmarks", "matrix", "embedding", "sharpness"):
        assert np.array_equal(one[column], two[column])


def box(x, y=0.0, size=10.0):
    return np.array([x, y, x + size, y + size])


def segment(first, last, tracks):
    return SegmentResult(
        first_boxes=first, last_boxes=last, embedding_sums={track: (np.zeros(128), 1) for track in tracks}
    )


def test_tracks_run_through_segments():
    """Two people stay, one leaves in the second segment, a newcomer in the third gets a new number."""
    results = [
        segment({0: box(0), 1: box(50)}, {0: box(2), 1: box(52)}, [0, 1]),
        segment({0: box(53), 1: box(2)}, {1: box(5)}, [0, 1]),
        segment({0: box(5), 1: box(90)}, {0: box(5), 1: box(90), 2: box(52)}, [0, 1, 2]),
    ]
    assert join_tracks(results) == [{0: 0, 1: 1}, {0: 1, 1: 0}, {0: 0, 1: 2, 2: 3}]


def test_one_old_track_goes_on_as_one():
    """Two newcomers overlap the same old face: only one of them can be it."""
    numbers = join_tracks([segment({}, {0: box(0)}, [0]), segment({0: box(1), 1: box(2)}, {}, [0, 1])])
    assert numbers[0] == {0: 0}
    assert sorted(numbers[1].values()) == [0, 1]


def test_tracks_over_an_empty_segment():
    assert join_tracks([segment({}, {0: box(0)}, [0]), segment({}, {}, []), segment({0: box(0)}, {}, [0])]) == [
        {0: 0},
        {},
        {0: 1},
    ]


def test_a_second_run_skips_and_adds(man, sample, man_faces, here, tmp_path):
    faces = tmp_path / "faces"
    shutil.copytree(man_faces, faces)
    parts = {path.name: path.stat().st_mtime_ns for path in faces.glob("part-*")}
    again = here("extract", man, "-o", faces)
    assert again.code == 0
    assert "done already: 1 clip" in again.out
    more = here("extract", man, sample("sample_group"), "-o", faces, "--json")
    assert '"faces": 5' in more.out
    assert len(FaceSet.open(faces)) == 77
    assert {name: (faces / name).stat().st_mtime_ns for name in parts} == parts


def test_the_same_clip_under_two_names_is_one(man, tmp_path):
    copy = tmp_path / "copy.mp4"
    shutil.copy(man, copy)
    report = effigie.extract([man, copy], tmp_path / "faces", ExtractSettings(frame_interval=24))
    assert (report.clips, len(report.skipped)) == (1, 1)
    assert report.faces == 3


def test_other_settings_need_another_folder(man, man_faces):
    with pytest.raises(FaceSetError, match="other settings"):
        effigie.extract([man], man_faces, ExtractSettings(size=128))


def test_a_folder_of_other_things_is_not_touched(man, tmp_path):
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(FaceSetError):
        effigie.extract([man], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


def test_folders_and_patterns(man, sample, tmp_path):
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(sample("sample_group"), clips / "group.jpg")
    shutil.copy(man, clips / "man.mp4")
    (clips / "notes.txt").write_text("not a clip")
    report = effigie.extract([clips], tmp_path / "a", ExtractSettings(frame_interval=36))
    assert (report.clips, report.faces) == (1, 2)  # a folder with videos stands for its videos
    report = effigie.extract([str(clips / "*.jpg")], tmp_path / "b")
    assert (report.clips, report.faces) == (1, 5)
    with pytest.raises(MediaError):
        effigie.extract([str(clips / "*.png")], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_stills_are_not_followed(portrait, sample, tmp_path):
    """Numbered photos of different people: the second is not taken for the first, moved."""
    import cv2

    folder = tmp_path / "photos"
    folder.mkdir()
    with av.open(str(sample("sample_woman"))) as container:
        other = next(container.decode(video=0)).to_ndarray(format="rgb24")
    for index, image in enumerate([portrait, other, portrait]):
        cv2.imwrite(str(folder / f"{index}.png"), image[..., ::-1])
    effigie.extract([folder], tmp_path / "faces", ExtractSettings(stills=True))
    found = FaceSet.open(tmp_path / "faces")
    assert found.load(())["track"].tolist() == [0, 1, 2]
    assert sorted(person.faces for person in found.people()) == [1, 2]
