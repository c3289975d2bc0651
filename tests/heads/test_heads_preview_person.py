"""A preview of a tuned person: which of their pictures a frame shows depends on the frames before it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from effigie.heads import (
    AnimateSettings,
    ControlKey,
    ControlTemplate,
    FaceControls,
    Preview,
    TuneSettings,
    animate,
    load_person,
    tune,
)
from effigie.media import EncodeSettings

pytestmark = pytest.mark.slow

SETTINGS = AnimateSettings(encode=EncodeSettings(codec="png"))
TURN = ControlTemplate((ControlKey(0, FaceControls(mouth=0.0)), ControlKey(0.2, FaceControls(mouth=0.8, yaw=10.0))))


@pytest.fixture(scope="module")
def person(woman, woman_consent, tmp_path_factory):
    """The woman with several pictures, hardly tuned, from the model that ships."""
    output = tmp_path_factory.mktemp("person") / "woman"
    settings = TuneSettings(shots=3, steps=1, batch=2, content="none")
    return tune(None, woman, output, settings, consent=woman_consent).output


def test_its_frames_are_the_films(person, man, cut, tmp_path):
    assert len(load_person(person).shots) > 1
    driver = cut(man, tmp_path / "man.mp4", 12, 15)
    for moved, last in ((None, 5), (driver, 2)):
        output = tmp_path / str(last)
        report = animate(person, moved, output, SETTINGS, template=TURN)
        made = sorted(output.glob("*.png"))
        with Preview(person, SETTINGS, driver=moved, output_id=report.output_id) as preview:
            for index in (last, 1):
                expected = cv2.imread(str(made[index]))[..., ::-1]
                assert np.array_equal(preview.frame(TURN, index).image, expected), (last, index)
