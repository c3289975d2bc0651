"""Tests of previews: what is shown for controls is what an animation renders, marked, and behind the gate."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

import effigie
from effigie.consent import new_consent
from effigie.errors import MediaError, RefusedError, UsageError
from effigie.heads import AnimateSettings, ControlKey, ControlTemplate, FaceControls, Preview, animate, save_template
from effigie.heads.preview import preview as preview_module
from effigie.media import EncodeSettings, VideoReader
from effigie.provenance import TrustSettings
from effigie.provenance.verifier import verify

pytestmark = pytest.mark.slow

SETTINGS = AnimateSettings(encode=EncodeSettings(codec="png"))
TURN = ControlTemplate(
    (
        ControlKey(0.0, FaceControls(smile=0.0, yaw=0.0, blink_left=0.0)),
        ControlKey(0.2, FaceControls(smile=0.9, yaw=8.0, blink_left=1.0)),
    )
)


def pictures(folder):
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir()) if path.suffix == ".png"]


@pytest.fixture(scope="module")
def still(portrait, tmp_path_factory):
    path = tmp_path_factory.mktemp("still") / "man.png"
    cv2.imwrite(str(path), portrait[..., ::-1])
    return path


@pytest.fixture(scope="module")
def consent(still, tmp_path_factory):
    path = tmp_path_factory.mktemp("consent") / "man.json"
    new_consent("the man of the samples", [still], ("animate",), basis="sample", evidence=[still]).save(path)
    return path


@pytest.fixture(scope="module")
def film(still, consent, tmp_path_factory):
    """Frames of an animation by the template, and its id."""
    folder = tmp_path_factory.mktemp("film")
    report = animate(still, None, folder / "out", SETTINGS, template=TURN, consent=consent)
    assert report.frames == 6
    return pictures(folder / "out"), report.output_id


@pytest.fixture(scope="module")
def preview(still, consent, film):
    with Preview(still, SETTINGS, consent=consent, output_id=film[1]) as opened:
        yield opened


def test_a_frame_is_the_animations_to_the_last_bit(preview, film):
    for index in (3, 5):
        shown = preview.frame(TURN, index)
        assert (shown.state, shown.index) == ("film", index)
        assert np.array_equal(shown.image, film[0][index]), index
        assert shown.mask.any()


def test_a_frame_shows_what_is_asked_for(preview):
    shown = preview.frame(FaceControls(smile=0.7, yaw=-10.0)).shows
    assert shown.smile == pytest.approx(0.7, abs=0.06) and shown.yaw == pytest.approx(-10.0, abs=1.5)
    assert preview.own.smile < 0.2 and preview.own.mouth < 0.1
    assert np.abs(preview.frame(FaceControls()).image.astype(int) - preview.frame(FaceControls.calm()).image).mean() < 3


def test_a_draft_is_near_and_says_what_it_is(preview, film):
    draft = preview.draft(TURN, 5)
    assert draft.state == "draft" and draft.image.shape == film[0][5].shape
    assert np.abs(draft.image.astype(int) - film[0][5]).mean() < 2


def test_what_is_shown_is_marked(still, consent, preview):
    bare = replace(SETTINGS, trust=TrustSettings(watermark=False, label="corner"))
    with Preview(still, bare, consent=consent) as opened:
        plain = opened.draft(TURN, 2).image
    difference = cv2.cvtColor(cv2.absdiff(preview.draft(TURN, 2).image, plain), cv2.COLOR_RGB2GRAY)
    assert (difference > 0).mean() > 0.2 and difference.max() < 20


def test_frames_that_there_are_not(preview):
    with pytest.raises(MediaError, match="no frame 6"):
        preview.frame(TURN, 6)


def test_without_consent_it_does_not_open(still, monkeypatch, tmp_path):
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    with pytest.raises(RefusedError, match="effigie consent new"):
        Preview(still, SETTINGS)


def test_it_closes_when_the_consent_goes(still, consent, monkeypatch, tmp_path):
    """The gate is asked again while somebody looks."""
    record = tmp_path / "man.json"
    record.write_bytes(consent.read_bytes())
    monkeypatch.setattr(preview_module, "PERMIT_INTERVAL_S", 0.0)
    with Preview(still, replace(SETTINGS, renderer="geometry"), consent=record) as opened:
        assert opened.draft(FaceControls()).image.any()
        record.unlink()
        with pytest.raises(effigie.errors.EffigieError):
            opened.draft(FaceControls())
        with pytest.raises(RefusedError, match="closed"):
            opened.frame(FaceControls())


def test_a_driver_is_stood_over(still, consent, man, cut, tmp_path):
    """As in the film, with the driver's own times."""
    driver = cut(man, tmp_path / "driver.mp4", 12, 20)
    geometry = replace(SETTINGS, renderer="geometry")
    over = ControlTemplate((ControlKey(0.0, FaceControls(blink_left=1.0, blink_right=1.0)),))
    report = animate(still, driver, tmp_path / "out", geometry, template=over, consent=consent)
    made = pictures(tmp_path / "out")
    with Preview(still, geometry, driver=driver, consent=consent, output_id=report.output_id) as opened:
        assert len(opened.driver_times) == report.frames == 8
        shown = opened.frame(over, 6)
        assert np.array_equal(shown.image, made[6])
        assert shown.shows.blink_left > 0.9
        assert opened.frame(ControlTemplate((ControlKey(0.0, FaceControls(brows=0.5)),)), 6).shows.blink_left < 0.5


def test_the_command_line_makes_a_signed_film_of_a_template(still, consent, here, tmp_path):
    save_template(TURN, tmp_path / "turn.toml")
    by_geometry = ("--renderer", "geometry", "--consent", consent)
    ended = here("animate", still, "--template", "turn.toml", "-o", "turn.mp4", *by_geometry)
    assert ended.code == 0, ended.err
    with VideoReader(tmp_path / "turn.mp4") as reader:
        frames = list(reader)
    assert len(frames) == 6 and float(frames[5].time) == pytest.approx(0.2)
    assert verify(tmp_path / "turn.mp4").credentials.command == "animate"
    ended = here("animate", still, "--template", "turn.toml", "-o", "again.mp4", "--dry-run", *by_geometry)
    assert ended.code == 0 and "again.mp4" in ended.out and not (tmp_path / "again.mp4").exists()
    assert "shown.toml" in here("animate", still, "--template", "shown.toml", "-o", "o.mp4", *by_geometry).line()
    assert "--template FILE" in here("animate", still, "-o", "o.mp4").line()
    both = ("--template", "turn.toml", "--driver", "a.mp4", "--driver", "b.mp4", "-o", "folder")
    assert "one driver" in here("animate", still, *both).line()
    with pytest.raises(UsageError, match="save_motion"):
        keep = AnimateSettings(renderer="geometry", save_motion=tmp_path / "m.motion")
        animate(still, None, tmp_path / "o.mp4", keep, template=TURN, consent=consent)
