"""Tests of project files: a conversion is repeated exactly, and wrong entries are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from effigie.compositing import ComposeSettings
from effigie.compositing.mask import MaskSettings
from effigie.errors import UsageError
from effigie.media import EncodeSettings, VideoReader
from effigie.provenance import TrustSettings
from effigie.swap import ConvertSettings, PersonAssignment, convert
from effigie.swap.editing.project import Project, load_project, save_project
from effigie.swap.editing.shot_settings import ComposeSchedule, KeyFrame, ShotList, ShotSettings

PNG = EncodeSettings(codec="png")
PLAIN = TrustSettings(watermark=False)


def pictures(folder):
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]


def written(tmp_path, text):
    path = tmp_path / "scene.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_saved_is_loaded(tmp_path):
    settings = ConvertSettings(
        compose=ComposeSettings(color="histogram", mask=MaskSettings(top=0.05, feather=0.1), occlusion="off"),
        encode=EncodeSettings(codec="hevc", crf=20),
        trust=TrustSettings(label="corner"),
        mask_clip=tmp_path / "over.mov",
        masks=tmp_path / "masks",
        fast=True,
        extreme_pose="make",
        eyewear="none",
        shots=(
            ShotSettings(120, 239, compose=ComposeSettings(blend="feather", temporal=0.0)),
            ShotSettings(400, skip=True),
            ShotSettings(0, 9, excluded_models=(str(tmp_path / "anna"),)),
            ShotSettings(20, 60, keys=(KeyFrame(20), KeyFrame(40, ComposeSettings(mask=MaskSettings(feather=0.2))))),
        ),
    )
    project = Project(
        tmp_path / "scene.mp4",
        (PersonAssignment(tmp_path / "anna"), PersonAssignment(Path("/elsewhere/carl"), 1)),
        tmp_path / "out.mp4",
        settings,
        ("c-0123456789abcdef",),
        "the film",
    )
    save_project(project, tmp_path / "scene.toml")
    assert load_project(tmp_path / "scene.toml") == project
    text = (tmp_path / "scene.toml").read_text()
    assert 'clip = "scene.mp4"' in text  # relative: the folder can be moved as a whole
    assert 'model = "/elsewhere/carl"' in text


def test_numbers_change_evenly_between_keys_and_the_rest_at_the_next():
    keys = (
        KeyFrame(20, ComposeSettings(color="local", complexion=1.0)),
        KeyFrame(10, ComposeSettings(color="none", complexion=0.0, mask=MaskSettings(feather=0.1))),
    )
    schedule = ComposeSchedule(ComposeSettings(blend="feather"), [ShotSettings(5, 30, keys=keys)])
    assert schedule(4).blend == schedule(31).blend == "feather"
    assert schedule(5) == schedule(10) == keys[1].compose
    assert schedule(20) == schedule(30) == keys[0].compose
    middle = schedule(15)
    assert (middle.color, middle.complexion) == ("none", 0.5)
    assert middle.mask.feather == pytest.approx((0.1 + MaskSettings().feather) / 2)
    with pytest.raises(UsageError, match="two keys"):
        ShotSettings(0, 9, keys=(KeyFrame(3), KeyFrame(3)))


def test_comments_of_a_project_survive_a_save(tmp_path):
    project = Project(tmp_path / "a.mp4", (PersonAssignment(tmp_path / "anna"),), tmp_path / "out.mp4")
    save_project(project, tmp_path / "scene.toml")
    text = (tmp_path / "scene.toml").read_text().replace("[compose]", "# the look of the film\n[compose]")
    text = text.replace('clip = "a.mp4"', 'clip = "a.mp4"  # the long take')
    (tmp_path / "scene.toml").write_text(text)
    softer = replace(project.settings, compose=replace(project.settings.compose, blend="feather"))
    save_project(replace(project, settings=softer), tmp_path / "scene.toml")
    saved = (tmp_path / "scene.toml").read_text()
    assert "# the look of the film" in saved and "# the long take" in saved and 'blend = "feather"' in saved
    assert load_project(tmp_path / "scene.toml").settings == softer


def test_records_are_files_beside_the_project_or_ids(tmp_path, monkeypatch):
    (tmp_path / "anna.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    project = Project(Path("a.mp4"), (PersonAssignment(Path("m")),), consents=("anna.json", "c-0123456789abcdef"))
    (tmp_path / "scenes").mkdir()
    save_project(project, tmp_path / "scenes" / "one.toml")
    records = load_project(tmp_path / "scenes" / "one.toml").consents
    assert Path(records[0]).samefile(tmp_path / "anna.json")
    assert records[1] == "c-0123456789abcdef"


def test_written_by_hand(tmp_path):
    path = written(
        tmp_path,
        """
        clip = "scene.mp4"
        [[people]]
        model = "anna-in-ben"
        [[people]]
        model = "carl-in-dan"
        who = 1
        [compose]
        mask = { feather = 0.08 }
        [[shots]]
        first = 10
        last = 20
        compose = { colour = "none", temporal = 0 }
        [[shots]]
        first = 30
        without = ["carl-in-dan"]
        """,
    )
    project = load_project(path)
    assert project.clip == tmp_path / "scene.mp4" and project.output is None
    assert project.people == (PersonAssignment(tmp_path / "anna-in-ben"), PersonAssignment(tmp_path / "carl-in-dan", 1))
    assert project.settings.compose.mask.feather == 0.08
    calm, late = project.settings.shots
    assert calm.compose is not None and calm.compose.color == "none"
    assert late.excluded_models == (str(tmp_path / "carl-in-dan"),) and late.last is None


GOOD = 'clip = "a.mp4"\n[[people]]\nmodel = "m"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("clip = ", "no TOML"),
        ('clip = "a.mp4"', "needs a clip and"),
        ("[[people]]\nmodel = 'm'", "needs a clip and"),
        ("version = 99\n" + GOOD, "update effigie"),
        ("colour = 'none'\n" + GOOD, "no setting 'colour'"),
        (GOOD + "[compose]\ncolor = 'none'", "no setting 'color'"),
        (GOOD + "[compose]\ncolour = 3", "colour cannot be 3"),
        (GOOD + "[compose]\ncolour = 'purple'", "purple"),
        (GOOD + "[compose]\nocclusion = 'maybe'", "maybe"),
        ("paint = true\n" + GOOD, "paint cannot be True"),
        (GOOD + "[compose]\ntemporal = true", "temporal cannot be True"),
        (GOOD + "[compose.mask]\nfether = 1", "no setting 'fether'"),
        (GOOD + "[encode]\ncodec = 'avi'", "codec cannot be 'avi'"),
        (GOOD + "[shots]\nfirst = 1", "write [[shots]]"),
        (GOOD + "[[shots]]\nfirst = 9\nlast = 3", "cannot end at 3"),
        (GOOD + "[[shots]]\nfirst = 0\n[[shots]]\nfirst = 5", "overlap"),
        (GOOD + "[[shots]]\nwithout = ['x']", "nobody's model"),
        (GOOD + "[[shots]]\nwithout = 'm'", "list of texts"),
        (GOOD + "[trust]\nwatermark = false", "not a project's to leave out"),
        ('clip = "a.mp4"\n[[people]]\nwho = 1', "model"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, told):
    with pytest.raises(UsageError) as refused:
        load_project(written(tmp_path, text))
    assert told in str(refused.value)


def test_no_project_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_project(tmp_path / "nothing.toml")


def test_which_shot_a_frame_is_in():
    one, other = ShotSettings(10, 19), ShotSettings(30)
    shots = ShotList([other, one])
    assert [shots(frame) for frame in (0, 9, 10, 19, 20, 29, 30, 10**6)] == [
        *(None, None, one, one, None, None, other, other)
    ]


def test_shots_are_left_alone_or_put_in_otherwise(quick_model, man, tmp_path):
    """Frames 2 and 3 stay; frames 4 and 5 get another blend, as if the whole clip had been made with it."""
    sharp = ComposeSettings(color="none", blend="feather", temporal=0.0)

    def made(name, **settings):
        given = ConvertSettings(encode=PNG, trust=PLAIN, max_frames=6, **settings)
        return convert(quick_model, man, tmp_path / name, given), pictures(tmp_path / name)

    shots = (ShotSettings(2, 3, skip=True), ShotSettings(4, 5, compose=sharp))
    report, cut = made("cut", shots=shots)
    _, plain = made("plain")
    assert (report.frames, report.swapped) == (6, 4)
    with VideoReader(man, stop=6) as reader:
        inputs = [frame.image for frame in reader]
    for index in (2, 3):
        assert np.array_equal(cut[index], inputs[index])
    for index in (0, 1):
        assert np.array_equal(cut[index], plain[index])
    for index in (4, 5):
        assert not np.array_equal(cut[index], plain[index])
        assert not np.array_equal(cut[index], inputs[index])


def test_a_saved_conversion_is_done_again(quick_model, man, tmp_path, here):
    first = here(
        *("convert", quick_model, man, "--frames-to", "first", "--color", "none", "--frames", 3),
        *("--save-project", "scene.toml"),
    )
    assert first.code == 0, first.err
    again = here("convert", "scene.toml", "--frames-to", "again", "--frames", 3)
    assert again.code == 0, again.err
    for one, other in zip(pictures(tmp_path / "first"), pictures(tmp_path / "again"), strict=True):
        # Another output has another id, and so another mark: a level or so.
        assert np.abs(one.astype(int) - other).mean() < 2
    refused = here("convert", "scene.toml", "-o", "x", "--color", "local")
    assert refused.code == 2
    assert "--color is the project file's to say" in refused.line()
    assert here("convert", "scene.toml", man, "-o", "x").code == 2
    assert here("convert", quick_model, "-o", "x").code == 2
    assert not (tmp_path / "x").exists()
