"""Tests of two models on one frame: each side is what its model makes of that very frame, or one line says why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from running_studio import RunningStudio
from studio_clips import write_clip
from test_merge import read_message, read_until
from websockets.sync.client import connect

from effigie.consent.store import ConsentStore
from effigie.swap import Preview

FRAME = 7


def compare(studio: RunningStudio, clip: str, *models: str) -> Any:
    asked = "&".join(f"model={one}" for one in models)
    address = f"ws://{studio.host}/api/compare/{clip}?{asked}"
    headers = {"Cookie": studio.cookie}
    return connect(address, origin=f"http://{studio.host}", additional_headers=headers, max_size=1 << 26)


@pytest.fixture(scope="module")
def models(studio: RunningStudio, model: Path, geometry_model: Path) -> dict[str, str]:
    """Ids by name: one trained for two steps, one by geometry alone."""
    shutil.copytree(model, studio.workspace / "models" / "trained")
    shutil.copytree(geometry_model, studio.workspace / "models" / "bare")
    return {row["name"]: row["id"] for row in studio.ask("GET", "/api/library")[1]["models"]}


@pytest.fixture(scope="module")
def geometry_model(
    few_faces: tuple[Path, Path], man: Path, woman_consent: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    from effigie.swap import build_swap

    folder = tmp_path_factory.mktemp("bare") / "bare"
    build_swap(few_faces[0], man, folder)
    return folder


@pytest.mark.slow
def test_each_side_is_its_models_own_frame(studio: RunningStudio, models: dict[str, str], man: Path) -> None:
    clip = studio.upload("man.mp4", man.read_bytes())
    names = ("trained", "bare")
    with compare(studio, clip, *(models[name] for name in names)) as live:
        live.send(json.dumps({"do": "open"}))
        live.send(json.dumps({"do": "show", "seq": 1, "n": FRAME, "width": 640}))
        film, shown = read_until(live, kind="frame", seq=1, state="film")
        live.send(json.dumps({"do": "save"}))
        assert "nothing to save" in read_until(live, kind="error")[0]["error"]
    with compare(studio, clip, *(models[name] for name in names)) as live:  # a page that comes later
        state = read_until(live, kind="state", count=72)[0]
    assert (film["n"], film["replaced"]) == (FRAME, [1, 1])
    assert [(one["name"], one["steps"]) for one in state["models"]] == [("trained", 2), ("bare", 0)]
    with Preview(studio.workspace / "models" / "trained", man) as preview:
        footage = preview.frame(FRAME).footage
    sides = [cv2.cvtColor(one, cv2.COLOR_BGR2RGB).astype(float) for one in shown]
    for side, name in zip(sides, names, strict=True):
        with Preview(studio.workspace / "models" / name, man) as preview:
            made = preview.frame(FRAME)
        face = made.mask > 250
        errors = [np.abs(side[face] - other[face]).mean() for other in (made.image, footage)]
        assert errors[0] < 2.5 < 5 < errors[1], (name, errors)  # of JPEG and the mark, and of the footage


@pytest.mark.slow
def test_a_clip_of_somebody_else_replaces_nobody(studio: RunningStudio, models: dict[str, str], tmp_path: Path) -> None:
    clip = studio.upload("empty.mp4", write_clip(tmp_path / "empty.mp4", 6).read_bytes())
    with compare(studio, clip, models["bare"], models["trained"]) as live:
        live.send(json.dumps({"do": "open"}))
        live.send(json.dumps({"do": "show", "seq": 1, "n": 3, "width": 192}))
        assert read_until(live, kind="frame", seq=1, state="film")[0]["replaced"] == [0, 0]
        live.send(json.dumps({"do": "show", "seq": 2, "n": 60, "width": 192}))
        assert "no frame 60" in read_until(live, kind="error", seq=2)[0]["error"]
    with compare(studio, clip, models["bare"], models["trained"]) as live:
        assert read_until(live, kind="state", measured=6)[0]["found"] == [[], []]


@pytest.mark.slow
def test_a_model_without_its_consent_closes_it_and_opens_when_that_is_there(
    studio: RunningStudio, models: dict[str, str], man: Path
) -> None:
    clip = studio.upload("man2.mp4", man.read_bytes())
    records = studio.workspace / "models" / "bare" / "consents"
    assert ConsentStore([records]).list()
    records.rename(records.with_name("away"))
    with compare(studio, clip, models["trained"], models["bare"]) as live:
        said = read_until(live, kind="error", closed=True)[0]["error"]
        assert "bare" in said and "no consent record" in said
    records.with_name("away").rename(records)
    with compare(studio, clip, models["trained"], models["bare"]) as live:
        live.send(json.dumps({"do": "show", "seq": 1, "n": 0, "width": 320}))
        assert read_until(live, kind="frame", seq=1)[0]["n"] == 0


def test_what_cannot_be_compared_is_said(studio: RunningStudio, tmp_path: Path) -> None:
    clip = studio.upload("some.mp4", write_clip(tmp_path / "some.mp4", 5).read_bytes())
    for models, why in (((), "two models"), ((clip, clip), "two models"), (("0" * 16, clip), "no such file")):
        with compare(studio, clip, *models) as live:
            assert why in read_message(live)[0]["error"]
    folder = studio.workspace / "models" / "alone"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"kind": "swap"}', "utf-8")
    alone = next(row["id"] for row in studio.ask("GET", "/api/library")[1]["models"] if row["name"] == "alone")
    with compare(studio, clip, alone, alone) as live:
        assert "different models" in read_message(live)[0]["error"]
    shutil.rmtree(folder)
