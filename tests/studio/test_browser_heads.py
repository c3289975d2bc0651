"""Heads in a real browser: sliders on a portrait, made calm, keys, the saved template. Skipped as others are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from real_browser import check_accessibility, check_italian, open_page
from running_studio import RunningStudio

from effigie.consent import new_consent
from effigie.heads import load_template

from hands import Keyboard  # isort: skip
from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
SOON = 120_000  # ms: networks are loaded, on a busy machine


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, portrait: np.ndarray, man: Path) -> Iterator[tuple[Page, Path]]:
    """The page Heads on a workspace with a picture and the person's consent, and the workspace."""
    root = tmp_path_factory.mktemp("heads")
    for folder in ("clips", ".effigie/consents"):
        (root / folder).mkdir(parents=True)
    cv2.imwrite(str(root / "clips" / "man.png"), portrait[..., ::-1])
    record = new_consent("the man", [man], ("animate",), basis="sample", evidence=[man])
    record.save(root / ".effigie" / "consents" / "man.json")
    studio = RunningStudio(root)
    with open_page(f"http://{studio.host}{studio.entrance}") as shown:
        expect(shown.get_by_role("link", name="Heads")).to_be_visible(timeout=SOON)
        shown.keyboard.press("7")
        expect(shown.get_by_role("img", name="man, frame 0, film")).to_be_visible(timeout=SOON)
        yield shown, root
    studio.end()


def test_a_slider_is_seen_at_once_and_then_as_in_the_film(page: tuple[Page, Path]) -> None:
    shown = page[0]
    before = shown.locator("canvas.frame").screenshot()
    shown.get_by_role("slider", name="mouth").press("PageUp")  # a tenth of the way open, and more
    shown.get_by_role("slider", name="mouth").press("PageUp")
    expect(shown.locator("[data-state=film]")).to_be_visible(timeout=SOON)
    assert float(shown.get_by_label("mouth, number").input_value()) > 0.1
    assert shown.locator("canvas.frame").screenshot() != before
    for _ in range(2):  # each press of a key is a change
        shown.get_by_role("button", name="Undo").click()
    expect(shown.get_by_role("button", name="Undo")).to_be_disabled()
    assert float(shown.get_by_label("mouth, number").input_value()) < 0.1  # the portrait's own


def test_keys_become_a_saved_template(page: tuple[Page, Path]) -> None:
    shown, root = page
    timeline = shown.get_by_role("slider", name="Frame")
    shown.get_by_role("button", name="Neutralise").click()
    timeline.focus()
    shown.keyboard.press("Shift+ArrowRight")
    shown.get_by_label("smile, number", exact=True).fill("0.8")
    shown.get_by_label("smile, number", exact=True).press("Enter")
    shown.get_by_label("yaw, number", exact=True).fill("9")
    shown.get_by_label("yaw, number", exact=True).press("Enter")
    shown.get_by_role("button", name="linear").click()
    timeline.focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("f")
    expect(shown.get_by_role("button", name="◆ Key")).to_have_attribute("aria-pressed", "true")
    shown.keyboard.press("f")
    shown.keyboard.press("PageUp")
    expect(shown.get_by_role("img", name="man, frame 10, film")).to_be_visible(timeout=SOON)
    shown.keyboard.press("Control+s")
    expect(shown.get_by_role("button", name="Saved", exact=True)).to_be_visible(timeout=SOON)
    template = load_template(root / "templates" / "man.toml")
    assert [key.time for key in template.keys] == [0, 0.4]
    assert (template(0.0).smile, template(0.4).smile, template(0.4).yaw) == (0, 0.8, 9)
    assert template.keys[1].ease == "linear" and template(0.2).smile == pytest.approx(0.4)
    assert template(0.4).mouth == 0  # calm


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(page: tuple[Page, Path], theme: str) -> None:
    check_accessibility(page[0], theme)


def test_tab_goes_over_the_whole_page_and_is_seen(page: tuple[Page, Path]) -> None:
    assert Keyboard(page[0]).go_round() > 30


def test_all_of_it_is_said_in_italian(page: tuple[Page, Path]) -> None:
    check_italian(page[0])


def test_it_is_rendered_as_a_job(page: tuple[Page, Path]) -> None:
    shown, root = page
    shown.get_by_role("button", name="Render").click()
    command = shown.get_by_role("main", name="Jobs").get_by_text(
        "effigie animate clips/man.png --template templates/man.toml"
    )
    expect(command).to_be_visible(timeout=SOON)
    expect(shown.get_by_role("cell", name="done", exact=True)).to_be_visible(timeout=SOON)
    assert (root / "results" / "man-animated.mp4").is_file()
