"""A newcomer's way in a real browser: from an empty workspace to a verified swap, by few clicks or by keyboard alone.

EFFIGIE_PICTURES=docs/pictures has the way by mouse filmed into newcomer.jpg there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_browser import open_page
from running_studio import RunningStudio

from effigie.media import probe
from effigie.provenance import verify

from film import Film  # isort: skip
from hands import Keyboard, Mouse  # isort: skip
from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
MOST_CLICKS = 12
FRAMES = 48
SOON = 240_000  # ms: networks are loaded, on a busy machine
PICTURES = os.environ.get("EFFIGIE_PICTURES")
PAGES = ("people", "clips", "faces", "train", "swap", "merge", "heads", "voices", "results", "jobs")
BASIS = "Pexels licence"


@pytest.fixture(scope="module")
def clips(man: Path, sample: Callable[[str], Path], cut: Callable[..., Path], tmp_path_factory) -> tuple[Path, Path]:
    """The man's clip, which the woman's face of the other goes into."""
    folder = tmp_path_factory.mktemp("brought")
    woman = cut(sample("sample_woman"), folder / "woman.mp4", 0, FRAMES)
    return cut(man, folder / "man.mp4", 0, FRAMES), woman


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio on an empty workspace, which nobody has entered."""
    running = RunningStudio(tmp_path / "first-film")
    yield running
    running.end()


@pytest.fixture
def page(studio: RunningStudio) -> Iterator[Page]:
    with open_page(f"http://{studio.host}{studio.entrance}", host=studio.host) as shown:
        shown.emulate_media(color_scheme="dark")
        expect(shown.get_by_role("heading", name="An empty workspace")).to_be_visible(timeout=SOON)
        yield shown


def test_a_swap_of_two_clips_is_rendered_and_verified_in_few_clicks(
    page: Page, studio: RunningStudio, clips: tuple[Path, Path]
) -> None:
    mouse, film = Mouse(page), Film(page)
    film.take("an empty workspace")
    mouse.bring(page.get_by_text("Bring my own clips"), *clips)
    expect(page.get_by_role("img", name="man.mp4, frame 0")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="woman.mp4")).to_be_visible()
    film.take(f"two clips are here ({mouse.presses} clicks)")
    mouse.click(page.get_by_role("button", name="Put a face into this clip"))
    expect(page.get_by_label("Who will be shown").locator("option:checked")).to_have_text("clip · woman.mp4")
    expect(page.get_by_role("button", name="Render")).to_be_disabled()
    mouse.click(page.get_by_role("button", name="Get their consent"))
    expect(page.get_by_label("A photo or clip of them alone").locator("option:checked")).to_have_text("woman.mp4")
    page.keyboard.type("Anna")
    mouse.click(page.get_by_label("It rests on"))
    page.keyboard.type(BASIS)
    film.take(f"her consent ({mouse.presses} clicks)")
    mouse.click(page.get_by_role("button", name="Sign the record"))
    expect(page.get_by_role("button", name="Render")).to_be_enabled(timeout=SOON)
    film.take(f"ready to render ({mouse.presses} clicks)")
    mouse.click(page.get_by_role("button", name="Render"))
    expect(page.get_by_role("cell", name="running", exact=True)).to_be_visible(timeout=SOON)
    page.wait_for_timeout(3000)  # for a picture of its progress
    film.take(f"the job ({mouse.presses} clicks)")
    mouse.click(page.get_by_role("link", name="See it"), timeout=SOON)
    check_result(page, studio)
    film.take(f"rendered and verified ({mouse.presses} clicks)")
    assert mouse.presses <= MOST_CLICKS
    if PICTURES:
        film.save(Path(PICTURES) / "newcomer.jpg")


def test_the_same_way_goes_by_keyboard_alone(page: Page, studio: RunningStudio, clips: tuple[Path, Path]) -> None:
    keyboard = Keyboard(page)
    keyboard.bring(page.get_by_label("Bring my own clips"), *clips)
    expect(page.get_by_role("img", name="man.mp4, frame 0")).to_be_visible(timeout=SOON)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name="man.mp4, frame 1")).to_be_visible()
    keyboard.press(page.get_by_role("button", name="Put a face into this clip"))
    face = page.get_by_label("Who will be shown")
    keyboard.go(face)
    page.keyboard.press("ArrowUp")
    expect(face.locator("option:checked")).to_have_text("clip · man.mp4")
    expect(page.get_by_text("face and footage are one clip")).to_be_visible()
    page.keyboard.press("ArrowDown")
    keyboard.press(page.get_by_role("button", name="Get their consent"))
    expect(page.get_by_label("Name", exact=True).last).to_be_focused()
    page.keyboard.type("Anna")
    keyboard.go(page.get_by_label("It rests on"))
    page.keyboard.type(BASIS)
    keyboard.press(page.get_by_role("button", name="Sign the record"))
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Render")).to_be_enabled(timeout=SOON)
    keyboard.press(page.get_by_role("button", name="Render"))
    see = page.get_by_role("link", name="See it")
    expect(see).to_be_visible(timeout=SOON)
    keyboard.press(see)
    check_result(page, studio)
    keyboard.press(page.get_by_role("button", name="Read in full"))
    expect(page.get_by_role("dialog").get_by_role("region", name="Consents")).to_contain_text("Anna")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Read in full")).to_be_focused()
    for number, name in enumerate(PAGES):
        page.keyboard.press(str((number + 1) % 10))
        expect(page.get_by_role("navigation").locator("[aria-current=page]")).to_have_attribute("href", f"#{name}")
        assert keyboard.go_round() > len(PAGES), name


@pytest.mark.parametrize("by", ["click", "keyboard"])
def test_the_demo_is_one_press_away(page: Page, studio: RunningStudio, by: str) -> None:
    button = page.get_by_role("button", name="Make the demo")
    if by == "click":
        mouse = Mouse(page)
        mouse.click(button)
        assert mouse.presses == 1
    else:
        Keyboard(page).press(button)
    expect(page.get_by_role("cell", name="running", exact=True)).to_be_visible(timeout=SOON)
    expect(page.get_by_role("progressbar", name="Progress of Make the demo").last).to_have_attribute(
        "value", "", timeout=SOON
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("cell", name="stopped", exact=True)).to_be_visible(timeout=SOON)


def check_result(page: Page, studio: RunningStudio) -> None:
    """The page shows the swap beside its clip and says who made it; so it is."""
    expect(page.get_by_role("img", name="man-swap.mp4, frame 0")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("region", name="What verify finds").locator(".verdict")).to_have_text(
        "made with effigie", timeout=SOON
    )
    made = studio.workspace / "results" / "man-swap.mp4"
    assert verify(made).verdict == "made-by-effigie"
    assert probe(made).frames == FRAMES
