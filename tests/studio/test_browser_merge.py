"""Merge in a real browser: a slider, a shot with a key, the film's frame, the saved file. Skipped as others are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_browser import check_accessibility, check_italian, open_page
from running_studio import RunningStudio

from effigie.swap.editing.project import load_project

from hands import Keyboard  # isort: skip
from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
SOON = 120_000  # ms: models are loaded, on a busy machine


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, model: Path, man: Path) -> Iterator[tuple[Page, Path]]:
    """The page Merge on a workspace with a model and a clip, and the workspace."""
    root = tmp_path_factory.mktemp("merge")
    shutil.copytree(model, root / "models" / "woman")
    (root / "clips").mkdir()
    shutil.copy(man, root / "clips" / "man.mp4")
    studio = RunningStudio(root)
    with open_page(f"http://{studio.host}{studio.entrance}") as shown:
        expect(shown.get_by_role("link", name="Merge")).to_be_visible(timeout=SOON)
        yield shown, root
    studio.end()


def test_a_project_is_made_changed_and_saved(page: tuple[Page, Path]) -> None:
    shown, root = page
    shown.keyboard.press("6")
    shown.get_by_role("button", name="New project").click()
    shown.get_by_role("button", name="Open it").click()
    expect(shown.get_by_role("img", name="man, frame 0, footage")).to_be_visible(timeout=SOON)  # before the models are
    expect(shown.get_by_role("img", name="man, frame 0, film")).to_be_visible(timeout=SOON)
    for key in ("Shift+ArrowRight", "i", "ArrowRight", "ArrowRight", "o", "n", "ArrowLeft", "f"):
        shown.keyboard.press(key)
    expect(shown.get_by_role("heading", name="Shot 1 · frames 10–12")).to_be_visible()
    shown.get_by_label("feather, number", exact=True).fill("0.3")
    shown.get_by_label("feather, number", exact=True).press("Enter")
    expect(shown.get_by_role("img", name="man, frame 11, film")).to_be_visible(timeout=SOON)
    shown.get_by_role("slider", name="Frame").focus()
    shown.keyboard.press("m")
    expect(shown.get_by_role("button", name="Mask", exact=True)).to_have_attribute("aria-pressed", "true")
    shown.keyboard.press("Control+s")
    expect(shown.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    (shot,) = load_project(root / "projects" / "man.toml").settings.shots
    assert (shot.first, shot.last) == (10, 12)
    assert [(key.frame, key.compose.mask.feather) for key in shot.keys] == [(11, 0.3)]
    shown.get_by_role("button", name="Undo").click()
    expect(shown.get_by_label("feather, number", exact=True)).to_have_value("0.06")


def test_its_look_is_copied_to_everything_before(page: tuple[Page, Path]) -> None:
    shown, root = page
    shown.get_by_label("color", exact=True).select_option("reinhard")
    shown.get_by_role("button", name="Copy to all before").click()
    shown.get_by_role("slider", name="Frame").focus()
    shown.keyboard.press("Home")
    expect(shown.get_by_role("heading", name="Shot 1 · frames 0–9")).to_be_visible()
    expect(shown.get_by_label("color", exact=True)).to_have_value("reinhard")
    shown.keyboard.press("Control+s")
    expect(shown.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    assert load_project(root / "projects" / "man.toml").settings.shots[0].compose.color == "reinhard"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(page: tuple[Page, Path], theme: str) -> None:
    check_accessibility(page[0], theme)


def test_tab_goes_over_the_whole_page_and_is_seen(page: tuple[Page, Path]) -> None:
    assert Keyboard(page[0]).go_round() > 40


def test_a_stroke_of_the_brush_goes_into_the_project(page: tuple[Page, Path]) -> None:
    shown, root = page
    shown.get_by_role("slider", name="Frame").focus()
    shown.keyboard.press("End")
    expect(shown.locator("[data-state=film]")).to_be_visible(timeout=SOON)
    shown.keyboard.press("m")
    shown.keyboard.press("b")
    shown.keyboard.press("]")
    expect(shown.get_by_role("button", name="Paint", exact=True)).to_have_attribute("aria-pressed", "true")
    picture = shown.locator("canvas.frame").bounding_box()
    assert picture is not None
    before = shown.locator("canvas.frame").screenshot()
    x, y = picture["x"] + 0.47 * picture["width"], picture["y"] + 0.5 * picture["height"]
    shown.mouse.move(x, y)
    shown.mouse.down()
    shown.mouse.move(x + 30, y + 20, steps=6)
    shown.mouse.up()
    expect(shown.get_by_role("button", name="1 stroke")).to_be_visible()
    expect(shown.locator("[data-state=film]")).to_be_visible(timeout=SOON)
    assert shown.locator("canvas.frame").screenshot() != before
    shown.keyboard.press("Control+s")
    expect(shown.get_by_role("button", name="Saved", exact=True)).to_be_visible()
    (stroke,) = load_project(root / "projects" / "man.toml").settings.strokes
    assert stroke.mode == "erase" and stroke.size == 0.072 and len(stroke.points) >= 6
    assert all(0 < value < 1 for value in stroke.points)
    shown.get_by_role("button", name="Undo").click()  # the whole stroke is one step
    expect(shown.get_by_role("button", name="1 stroke")).to_have_count(0)
    shown.keyboard.press("b")


def test_all_of_it_is_said_in_italian(page: tuple[Page, Path]) -> None:
    check_italian(page[0])
