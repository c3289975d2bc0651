"""Two models on one frame in a real browser: named with their steps, exact to the frame, in every view."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_browser import check_accessibility, check_italian, open_page
from running_studio import RunningStudio

from effigie.swap import build_swap

from hands import Keyboard  # isort: skip
from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
SOON = 180_000  # ms: two models are loaded, on a busy machine
LABELS = "A · bare · by geometry alone, B · trained · 2 steps"


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, model: Path, few_faces: tuple[Path, Path], woman_consent: Path, man: Path
) -> Iterator[tuple[Page, Path]]:
    """The page Train on a workspace with two models and a clip, and the workspace."""
    root = tmp_path_factory.mktemp("compare")
    shutil.copytree(model, root / "models" / "trained")
    build_swap(few_faces[0], man, root / "models" / "bare")
    (root / "clips").mkdir()
    shutil.copy(man, root / "clips" / "man.mp4")
    studio = RunningStudio(root)
    with open_page(f"http://{studio.host}{studio.entrance}") as shown:
        expect(shown.get_by_role("navigation").get_by_role("link", name="Train")).to_be_visible(timeout=SOON)
        shown.keyboard.press("4")
        shown.get_by_role("combobox", name="Model", exact=True).select_option(label="bare · by geometry alone")
        yield shown, root
    studio.end()


def read_halves(page: Page) -> list[list[float]]:
    """Mean color of the left and of the right half of what the canvas shows, its lower part with the names left out."""
    read_picture(page)
    found: list[list[float]] = page.evaluate(
        """() => {
            const canvas = document.querySelector("canvas.frame");
            const c = canvas.getContext("2d"), W = canvas.width >> 1, H = Math.floor(canvas.height * 0.7);
            return [0, W].map(x => {
                const data = c.getImageData(x, 0, W, H).data, sums = [0, 0, 0];
                for (let i = 0; i < data.length; i++) if (i % 4 < 3) sums[i % 4] += data[i];
                return sums.map(sum => sum / (W * H));
            });
        }"""
    )
    return found


def read_picture(page: Page) -> Any:
    """The canvas as it is drawn; views are drawn after the button that chooses them."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
    return page.evaluate("document.querySelector('canvas.frame').toDataURL()")


def test_both_models_show_the_frame_that_is_asked_for(page: tuple[Page, Path]) -> None:
    shown = page[0]
    shown.get_by_role("button", name="Compare").click()
    expect(shown.get_by_role("img", name=f"{LABELS}, frame 0, film")).to_be_visible(timeout=SOON)
    shown.keyboard.press("Shift+ArrowRight")
    shown.keyboard.press("ArrowRight")
    expect(shown.get_by_role("img", name=f"{LABELS}, frame 11, film")).to_be_visible(timeout=SOON)
    expect(shown.locator("#frame-number")).to_have_value("11")


def test_views_show_one_or_the_other_or_both(page: tuple[Page, Path]) -> None:
    shown = page[0]
    expect(shown.locator("[data-state=film]")).to_be_visible(timeout=SOON)
    pictures = {}
    for name in ("Only A", "Only B", "Wipe", "Side by side", "Difference"):
        shown.get_by_role("button", name=name, exact=True).click()
        expect(shown.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")
        pictures[name] = read_picture(shown)
    assert len(set(pictures.values())) == 5  # each is another picture: the models' faces differ
    shown.keyboard.press("w")
    shown.get_by_role("slider", name="Frame").focus()
    for _ in range(10):
        shown.keyboard.press("]")  # the wipe at the right edge: all of A
    wiped = read_halves(shown)
    shown.get_by_role("button", name="Only A", exact=True).click()
    alone = read_halves(shown)
    assert all(
        abs(a - b) < 0.5 for one, other in zip(wiped, alone, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_it_speaks_italian_and_axe_finds_nothing_serious(page: tuple[Page, Path]) -> None:
    check_italian(page[0])
    check_accessibility(page[0], "dark")
    check_accessibility(page[0], "light")


def test_tab_goes_over_the_whole_page_and_is_seen(page: tuple[Page, Path]) -> None:
    assert Keyboard(page[0]).go_round() > 20


def test_a_locked_model_is_one_line(page: tuple[Page, Path]) -> None:
    shown, root = page
    records = root / "models" / "bare" / "consents"
    records.rename(records.with_name("away"))
    shown.keyboard.press("1")
    expect(shown.get_by_role("main", name="People")).to_be_visible()
    shown.keyboard.press("4")
    expect(shown.get_by_role("main", name="Train")).to_be_visible()
    shown.get_by_role("button", name="Compare").click()
    expect(shown.locator("canvas.frame")).to_be_visible()
    # The gate is asked while frames are shown, and when a comparison is opened.
    for key in ("ArrowRight", "ArrowRight"):
        shown.wait_for_timeout(6000)
        shown.get_by_role("slider", name="Frame").focus()
        shown.keyboard.press(key)
    expect(shown.get_by_role("alert")).to_contain_text("holds no consent record", timeout=SOON)
    records.with_name("away").rename(records)
