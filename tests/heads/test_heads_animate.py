"""Tests of animation through the real command line, and of bad input: nothing half-written is left."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import effigie
from effigie.consent import new_consent
from effigie.errors import CancelledError, RefusedError, UsageError
from effigie.faces.mesh import eye_distance, eye_opening
from effigie.heads import AnimateSettings, Controls, animate, load_motion, read_motion, save_motion
from effigie.heads.inference import driver as driver_module
from effigie.heads.inference.face_search import find_faces
from effigie.heads.inference.portrait import read_portraits
from effigie.heads.motion.retarget import Retargeter
from effigie.media import EncodeSettings, VideoReader, VideoWriter
from effigie.progress import CancelToken
from effigie.provenance import TrustSettings
from effigie.provenance.ledger.ledger import Ledger
from effigie.provenance.verifier import verify

pytestmark = pytest.mark.slow

PLAIN = TrustSettings(watermark=False)  # without mark and label: what the animation itself does to pixels
PNG = EncodeSettings(codec="png")
GEOMETRY = AnimateSettings(renderer="geometry")  # where who paints does not matter: no network is loaded
BRIEF = 12  # frames of most drivers here


def frames_of(path, stop=None):
    with VideoReader(path, stop=stop) as reader:
        return list(reader)


def sound(path):
    """Time and bytes of every packet."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.pts is not None]


def pictures(folder):
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def consent(brief, tmp_path_factory):
    """A consent record of the man as a file: in the store it would permit what other tests expect to be refused."""
    path = tmp_path_factory.mktemp("consent") / "man.json"
    record = new_consent("the man of the samples", [brief], ("animate",), basis="sample", evidence=[brief])
    record.save(path)
    return path


def excerpt(clip, path, *spans):
    """Those frames of a clip, one span after the other on the clock from the first on, with the sound of the first."""
    frames = []
    for first, last in spans:
        with VideoReader(clip, first, last) as reader:
            frames += list(reader)
            info = reader.info
    (first, last), step = spans[0], 1 / info.rate
    begin = frames[0].time
    times = [begin + index * step for index in range(len(frames) + 1)]
    with VideoWriter(path, info, EncodeSettings(crf=8), span=(begin, times[last - first])) as writer:
        for frame, time in zip(frames, times, strict=False):
            writer.write(frame.image, time, step)
    return path


@pytest.fixture(scope="module")
def brief(man, tmp_path_factory):
    """The man, opening his mouth into a smile, with sound: a driver of 12 frames."""
    return excerpt(man, tmp_path_factory.mktemp("brief") / "brief.mp4", (12, 12 + BRIEF))


@pytest.fixture(scope="module")
def brief_motion(brief):
    return read_motion(brief)


@pytest.fixture
def still(portrait, tmp_path):
    """The man's first frame as a file."""
    folder = tmp_path / "in"
    folder.mkdir()
    return picture(folder / "man.png", portrait)


def picture(path, image):
    cv2.imwrite(str(path), image[..., ::-1])
    return path


@pytest.fixture(scope="module")
def driver(sample, tmp_path_factory):
    """The woman, closing her eyes, with sound; then at rest, which is what her motion is a change from."""
    path = tmp_path_factory.mktemp("driver") / "woman.mp4"
    return excerpt(sample("sample_woman"), path, (0, 26), (200, 212))


@pytest.fixture(scope="module")
def animated(portrait, consent, driver, run_once, tmp_path_factory):
    """The man's first frame, driven by the woman, through the command line."""
    folder = tmp_path_factory.mktemp("animated")
    picture(folder / "man.png", portrait)
    ended = run_once(
        *("animate", "man.png", "--driver", driver, "-o", "out.mp4", "--frames", 24),
        *("--consent", consent, "--json"),
        cwd=folder,
    )
    assert ended.code == 0, ended.err
    return folder, json.loads(ended.out)


def test_the_portrait_moves_as_the_driver_does(animated, portrait, driver):
    """Pose and lids, measured in the output, are those of the retargeted motion."""
    folder, report = animated
    assert (report["frames"], report["held"], report["notes"]) == (24, 0, [])
    assert {"portrait", "driver", "retarget", "scene", "paint", "encode", "trust"} <= set(report["stages"])
    made = frames_of(folder / "out.mp4")
    motion = read_motion(driver)
    ((own,), _) = find_faces(portrait)
    retarget = Retargeter(own.landmarks, motion, size=(640, 360))
    assert report["neutral"] == motion.neutral_frame
    far = []
    for index in (12, 18, 23):
        ((face,), _) = find_faces(made[index].image)
        wanted = retarget(index)
        error = np.linalg.norm(face.landmarks[:, :2] - wanted[:, :2], axis=1).mean()
        assert error < 0.06 * eye_distance(wanted)
        far.append(np.linalg.norm(wanted[:, :2] - own.landmarks[:, :2], axis=1).mean() / eye_distance(wanted))
        assert eye_opening(face.landmarks) < 0.5 * eye_opening(own.landmarks)  # hers are closed here
    assert max(far) > 0.15  # there was motion to follow
    assert np.abs(made[0].image[100:].astype(int) - portrait[100:]).mean() < 4  # it begins as the portrait


def test_the_drivers_times_and_sound_are_kept(animated, driver):
    folder, _ = animated
    given = frames_of(driver, 25)
    made = frames_of(folder / "out.mp4")
    assert [frame.time for frame in made] == [frame.time for frame in given[:24]]
    assert made[0].image.shape == (360, 640, 3)
    until = given[24].time
    heard = sound(driver)
    assert heard[-1][0] >= until  # there was more to hear
    assert sound(folder / "out.mp4") == [packet for packet in heard if packet[0] < until]


def test_a_few_frames_look_no_further_for_a_calm_one_than_need_be(still, consent, brief, tmp_path, monkeypatch):
    seen = []
    for few, read in ((5, 5), (1, 3)):  # one more than is shown
        monkeypatch.setattr(driver_module, "QUICK_LOOK_FRAMES", few)
        settings = replace(GEOMETRY, encode=PNG, trust=PLAIN, max_frames=2)
        report = animate(*(still, brief, tmp_path / f"out{few}", settings), consent=consent, progress=seen.append)
        assert report.frames == 2
        assert report.neutral == read_motion(brief, max_frames=read).neutral_frame
        assert max(told.done for told in seen if told.stage == "driver") == read
        seen.clear()


def test_the_output_says_what_it_is(animated, consent):
    folder, report = animated
    assert names(folder) == ["man.png", "out.mp4", "out.mp4.notice.txt"]
    found = verify(folder / "out.mp4")
    assert found.credentials.state == "trusted"
    assert found.credentials.output_id == report["output_id"]
    assert found.credentials.command == "animate"
    assert found.credentials.consents == (json.loads(consent.read_text())["id"],)
    assert found.watermark is not None and found.watermark.id == report["output_id"]
    entry = Ledger().find_by_id(report["output_id"])
    assert entry is not None and entry.command == "animate"


def test_the_label_is_on_unless_asked_otherwise(still, consent, brief, tmp_path):
    for name, trust in (("with", None), ("without", PLAIN)):
        settings = AnimateSettings(
            renderer="geometry", encode=PNG, max_frames=1, **({} if trust is None else {"trust": trust})
        )
        animate(still, brief, tmp_path / name, settings, consent=consent)
    (labeled,), (plain,) = pictures(tmp_path / "with"), pictures(tmp_path / "without")
    corner = np.abs(labeled[:30, -160:].astype(int) - plain[:30, -160:]).mean()
    assert corner > 30
    assert np.abs(labeled[60:].astype(int) - plain[60:]).mean() < 3


def test_all_of_the_sound_goes_with_all_of_the_frames(still, consent, brief, tmp_path):
    report = animate(still, brief, tmp_path / "out.mov", consent=consent)
    assert report.frames == BRIEF
    assert sound(tmp_path / "out.mov") == sound(brief) != []


def test_a_template_drives_like_its_clip(still, consent, brief, tmp_path, here):
    ended = here(
        *("animate", still, "--driver", brief, "-o", "clip.mp4", "--consent", consent),
        *("--save-motion", "man.motion", "--frames", 6),
    )
    assert ended.code == 0, ended.err
    assert len(load_motion(tmp_path / "man.motion")) == BRIEF
    ended = here("animate", still, "--driver", "man.motion", "-o", "again.mp4", "--consent", consent, "--frames", 6)
    assert ended.code == 0, ended.err
    assert "6 frames" in ended.out
    first, second = frames_of(tmp_path / "clip.mp4"), frames_of(tmp_path / "again.mp4")
    for a, b in zip(first, second, strict=True):
        assert a.time == b.time
        assert np.abs(a.image.astype(int) - b.image).mean() < 2
    assert sound(tmp_path / "clip.mp4") == sound(tmp_path / "again.mp4")


def test_a_template_without_its_clip_has_no_sound_and_says_so(still, consent, brief_motion, tmp_path):
    motion = replace(brief_motion, clip=tmp_path / "gone.mp4")
    save_motion(motion, tmp_path / "man.motion")
    report = animate(still, tmp_path / "man.motion", tmp_path / "out.mp4", GEOMETRY, consent=consent)
    assert any("no sound" in note for note in report.notes)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio
    assert [frame.time for frame in frames_of(tmp_path / "out.mp4")] == list(motion.times)


def test_a_driver_who_leaves_is_held(still, consent, sample, tmp_path):
    driver = excerpt(sample("sample_man_leaves"), tmp_path / "leaves.mp4", (60, 78))
    settings = replace(GEOMETRY, encode=PNG, trust=PLAIN)
    report = animate(still, driver, tmp_path / "out", settings, consent=consent)
    assert (report.frames, report.held) == (18, 6)
    assert any("out of sight in 6 of 18 frames" in note for note in report.notes)
    made = pictures(tmp_path / "out")
    assert all(np.array_equal(made[11], later) for later in made[12:])
    assert not np.array_equal(made[6], made[11])


def test_only_the_head_can_be_shown(still, consent, brief, tmp_path):
    settings = replace(GEOMETRY, paste="crop", size=256, encode=PNG, trust=PLAIN, max_frames=1)
    animate(still, brief, tmp_path / "out", settings, consent=consent)
    (made,) = pictures(tmp_path / "out")
    assert made.shape == (256, 256, 3)
    ((face,), _) = find_faces(made)
    assert np.abs(face.box[:2] + face.box[2:] - 256).max() < 60  # in the middle
    assert face.box[3] - face.box[1] > 90


def test_odd_sides_grow_by_a_pixel(portrait, consent, brief, tmp_path):
    odd = picture(tmp_path / "odd.png", portrait[:315, 141:440])
    report = animate(odd, brief, tmp_path / "out.mp4", replace(GEOMETRY, max_frames=2), consent=consent)
    assert frames_of(tmp_path / "out.mp4")[0].image.shape == (316, 300, 3)
    assert any("extended to 300x316" in note for note in report.notes)


def test_a_huge_picture_is_shrunk(portrait, consent, brief, tmp_path):
    huge = picture(tmp_path / "huge.jpg", cv2.resize(portrait, (5120, 2880), interpolation=cv2.INTER_CUBIC))
    settings = replace(GEOMETRY, encode=PNG, trust=PLAIN, max_frames=1)
    animate(huge, brief, tmp_path / "out", settings, consent=consent)
    (made,) = pictures(tmp_path / "out")
    assert made.shape == (720, 1280, 3)
    ((face,), _) = find_faces(made)
    ((own,), _) = find_faces(portrait)
    assert np.abs(face.landmarks[:, :2] - 2 * own.landmarks[:, :2]).mean() < 0.03 * eye_distance(face.landmarks)


def test_a_clip_and_a_face_set_can_be_portraits(man, man_faces, brief, consent, tmp_path):
    for name, source in (("clip", man), ("faces", man_faces)):
        settings = replace(GEOMETRY, encode=PNG, trust=PLAIN, max_frames=2)
        report = animate(source, brief, tmp_path / name, settings, consent=consent)
        assert report.frames == 2
        ((face,), _) = find_faces(pictures(tmp_path / name)[0])
        assert eye_opening(face.landmarks) > 0.2  # a frame with open eyes was taken


# What is refused, and how. ------------------------------------------------------------------------------------------


def test_without_consent_it_is_refused(still, brief, here, monkeypatch, tmp_path):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    ended = here("animate", still, "--driver", brief, "-o", "out.mp4")
    assert ended.code == 3
    assert "effigie consent new" in ended.line()
    assert [name for name in names(tmp_path) if "out" in name] == []


def test_a_consent_for_another_use_or_person_does_not_help(still, brief, woman_consent, tmp_path):
    swap_only = tmp_path / "swap.json"
    new_consent("the man", [brief], ("swap",), basis="sample").save(swap_only)
    with pytest.raises(RefusedError, match="not for animate"):
        effigie.animate(still, brief, tmp_path / "out.mp4", consent=swap_only)
    with pytest.raises(RefusedError, match="agree"):
        effigie.animate(still, brief, tmp_path / "out.mp4", consent=woman_consent)
    assert not (tmp_path / "out.mp4").exists()


def test_an_intimate_portrait_is_refused(still, consent, brief_motion, tmp_path, monkeypatch):
    """The network's threshold is set below the portrait's score; a template has no pictures to score."""
    from effigie.consent import nsfw_detector as intimate

    save_motion(brief_motion, tmp_path / "m.motion")
    monkeypatch.setattr(intimate, "THRESHOLD", 0.5 * float(intimate.score_images([frames_of(still)[0].image])[0]))
    with pytest.raises(RefusedError, match=r"man\.png looks intimate"):
        animate(still, tmp_path / "m.motion", tmp_path / "out.mp4", consent=consent)
    assert not (tmp_path / "out.mp4").exists()


def test_an_intimate_driver_is_refused(woman, woman_consent, brief, tmp_path, monkeypatch):
    """The threshold is set between the scores of the portrait and of the driver."""
    from effigie.consent import nsfw_detector as intimate

    (portrait,) = read_portraits(woman)
    own, driver = float(intimate.score_images([portrait.image])[0]), intimate.score_clip(brief).scores
    assert own < min(driver)
    monkeypatch.setattr(intimate, "THRESHOLD", (own + min(driver)) / 2)
    still = picture(tmp_path / "woman.png", portrait.image)
    with pytest.raises(RefusedError, match="looks intimate") as refused:
        animate(still, brief, tmp_path / "out.mp4", consent=woman_consent)
    assert str(brief) in str(refused.value)
    assert names(tmp_path) == ["woman.png"]


def says(here, code, *arguments):
    """The one error line of a command; no output may exist then."""
    ended = here("animate", *arguments, "-o", "out.mp4", "--save-motion", "kept.motion")
    assert ended.code == code, ended.err
    assert not [path for path in Path.cwd().iterdir() if path.name.startswith((".", "out", "kept"))]
    return ended.line()


def test_nobody_and_too_many_in_the_portrait(sample, brief, consent, here):
    driven = ("--driver", brief, "--consent", consent, "--renderer", "geometry")
    assert "no face was found" in says(here, 1, sample("sample_no_face"), *driven)
    assert "shows 5 faces: choose with --person" in says(here, 2, sample("sample_group"), *driven)
    assert "counted from 0" in says(here, 2, sample("sample_group"), *driven, "--person", 9)
    # Chosen, a stranger is a stranger.
    assert "consent" in says(here, 3, sample("sample_group"), *driven, "--person", 0)


def test_tiny_and_broken_portraits(portrait, brief, consent, here, tmp_path):
    driven = ("--driver", brief, "--consent", consent, "--renderer", "geometry")
    small = picture(tmp_path / "tiny.png", cv2.resize(portrait, (96, 54), interpolation=cv2.INTER_AREA))
    assert "only 3" in says(here, 1, small, *driven)
    small = picture(tmp_path / "dot.png", portrait[:3, :4])
    assert "no face was found" in says(here, 1, small, *driven)
    (tmp_path / "cut.png").write_bytes((tmp_path / "tiny.png").read_bytes()[:200])
    assert "cut.png" in says(here, 1, tmp_path / "cut.png", *driven)
    assert "nowhere.png" in says(here, 1, "nowhere.png", *driven)


def test_bad_drivers(still, sample, brief, brief_motion, consent, here, tmp_path):
    consented = (still, "--consent", consent, "--renderer", "geometry")
    nobody = excerpt(sample("sample_no_face"), tmp_path / "nobody.mp4", (0, 4))
    assert "shows no face" in says(here, 1, *consented, "--driver", nobody)
    assert "at most 1" in says(here, 1, *consented, "--driver", brief, "--driver-person", 1)
    assert "nowhere.mp4" in says(here, 1, *consented, "--driver", "nowhere.mp4")
    save_motion(brief_motion, tmp_path / "t.motion")
    whole = (tmp_path / "t.motion").read_bytes()
    (tmp_path / "t.motion").write_bytes(whole[: len(whole) // 2])
    assert "damaged motion template" in says(here, 1, *consented, "--driver", "t.motion")
    (tmp_path / "t.motion").write_bytes(b"no parquet at all")
    assert "damaged motion template" in says(here, 1, *consented, "--driver", "t.motion")


def test_bad_requests(still, brief, consent, here):
    driven = (still, "--driver", brief, "--consent", consent, "--renderer", "geometry")
    assert "head must be from 0 to 2" in says(here, 2, *driven, "--head", 3)
    assert f"none of the driver's {BRIEF}" in says(here, 2, *driven, "--neutral", 400)
    with pytest.raises(UsageError, match="region must be one of"):
        effigie.heads.Controls(region="nose")
    with pytest.raises(UsageError, match="paste must be one of"):
        effigie.AnimateSettings(paste="both")


def test_inputs_and_earlier_outputs_are_not_written_over(still, brief, consent, here, tmp_path):
    with pytest.raises(UsageError, match="an input itself"):
        animate(still, brief, still, consent=consent)
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    ended = here("animate", still, "--driver", brief, "-o", "out.mp4", "--consent", consent)
    assert ended.code == 2 and "--force" in ended.line()
    assert (tmp_path / "out.mp4").read_bytes() == b"earlier"


def test_it_tells_progress_and_stops(still, brief, consent, tmp_path):
    cancel, seen = CancelToken(), []

    def progress(report):
        seen.append((report.stage, report.done))
        if (report.stage, report.done) == ("animate", 3):
            cancel.set()

    with pytest.raises(CancelledError):
        animate(still, brief, tmp_path / "out.mp4", consent=consent, progress=progress, cancel=cancel)
    assert names(tmp_path) == ["in"]
    assert {stage for stage, _ in seen} == {"portrait", "driver", "animate"}


def test_controls_reach_the_picture(still, consent, brief, brief_motion, tmp_path):
    """Nothing moves at strength 0."""
    settings = AnimateSettings(controls=Controls(head=0, expression=0), encode=PNG, trust=PLAIN)
    animate(still, brief, tmp_path / "out", settings, consent=consent)
    made = pictures(tmp_path / "out")
    assert max(np.abs(made[0].astype(int) - later).max() for later in made) <= 1
    moved = [brief_motion.landmarks(index)[:, :2] for index in range(len(made))]
    assert np.ptp(moved, axis=0).max() > 0.05 * eye_distance(brief_motion.landmarks(0))  # the driver did
