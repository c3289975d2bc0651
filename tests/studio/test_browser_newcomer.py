"""A newcomer's way in a real browser: from an empty workspace to a verified swap, by few clicks or by keyboard alone.

EFFIGIE_PICTURES=docs/pictures has the way by mouse filmed into newcomer.jpg there.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from real_browser import open_page
from running_studio import RunningStudio

from effigie.media import VideoReader
from effigie.provenance import verify

from film import Film  # isort: skip
from hands import Keyboard, Mouse  # isort: skip
from playwright.sync_api import Locator, Page, expect  # isort: skip

pytestmark = pytest.mark.slow
MOST_CLICKS = 12
FRAMES = 48
SOON = 180_000  # ms: networks are loaded, on a busy machine
PICTURES = os.environ.get("EFFIGIE_PICTURES")
PAGES = {"1": "people", "2": "clips", "5": "swap", "9": "results", "0": "jobs"}  # of the way
RAIL = 10  # links to pages, on every page
BASIS = "Pexels licence"
BEGUN = re.compile(r"0?\.\d*[1-9]|1")


@pytest.fixture(scope="module")
def clips(man: Path, sample: Callable[[str], Path], cut: Callable[..., Path], tmp_path_factory) -> tuple[Path, Path]:
    """The man's clip, which the woman's face of the other goes into."""
    folder = tmp_path_factory.mktemp("brought")
    woman = cut(sample("sample_woman"), folder / "woman.mp4", 0, FRAMES)
    return cut(man, folder / "man.mp4", 0, FRAMES), woman


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStudio]:
    """A studio on an empty workspace, which nobody has entered; of somebody who has no records and no key either."""
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path / "home"))
    running = RunningStudio(tmp_path / "first-film")
    yield running
    for process in psutil.process_iter():  # a job that a failed test leaves behind would go on
        with contextlib.suppress(psutil.Error):
            if str(running.workspace) in " ".join(process.cmdline()):
                process.kill()
    running.end()


@pytest.fixture(params=[True])
def page(studio: RunningStudio, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that has entered it; with True nothing may be refused, for the console would tell."""
    with open_page(f"http://{studio.host}{studio.entrance}", host=studio.host if request.param else None) as shown:
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
    expect(page.get_by_text("exact")).to_be_visible(timeout=SOON)
    page.wait_for_function("() => [...document.querySelectorAll('.tiles img')].every(one => one.naturalWidth > 0)")
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
    expect(find_progress(page, "Swap man-swap")).to_have_attribute("value", BEGUN, timeout=SOON)
    film.take(f"the job ({mouse.presses} clicks)", hidden=page.get_by_text(str(studio.workspace)))
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
    expect(page.get_by_text("exact")).to_be_visible(timeout=SOON)
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
    for key, name in PAGES.items():
        page.keyboard.press(key)
        expect(page.get_by_role("navigation").locator("[aria-current=page]")).to_have_attribute("href", f"#{name}")
        assert keyboard.go_round() > RAIL, name


@pytest.mark.parametrize("by", ["click", "keyboard"])
def test_the_demo_is_one_press_away(page: Page, studio: RunningStudio, by: str) -> None:
    button = page.get_by_role("button", name="Make the demo")
    if by == "click":
        mouse = Mouse(page)
        mouse.click(button)
        assert mouse.presses == 1
    else:
        Keyboard(page).press(button)
    expect(find_progress(page, "Make the demo")).to_have_attribute("value", BEGUN, timeout=SOON)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("cell", name="stopped", exact=True)).to_be_visible(timeout=SOON)


@pytest.mark.parametrize("page", [False], indirect=True)
def test_what_a_newcomer_does_wrong_is_said(
    page: Page, clips: tuple[Path, Path], sample: Callable[[str], Path], tmp_path: Path
) -> None:
    notices = page.get_by_role("status")
    (tmp_path / "notes.txt").write_text("no clip")
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    bring = page.get_by_label("Bring my own clips")
    bring.set_input_files(tmp_path / "notes.txt")
    expect(notices).to_contain_text("notes.txt is not taken here: choose a file that ends in .mp4")
    bring.set_input_files(tmp_path / "noise.mp4")
    expect(notices).to_contain_text("clips/noise.mp4 is not a clip that can be read")
    expect(page.get_by_role("heading", name="An empty workspace")).to_be_visible()
    bring.set_input_files(clips[0])
    page.get_by_role("button", name="Put a face into this clip").click(timeout=SOON)
    render, panel = page.get_by_role("button", name="Render"), page.get_by_role("region", name="Render")
    expect(panel).to_contain_text("choose who will be shown")
    page.get_by_label("Bring one").set_input_files(shutil.copy(sample("sample_no_face"), tmp_path / "nobody.mp4"))
    expect(page.get_by_label("Who will be shown").locator("option:checked")).to_have_text("clip · nobody.mp4")
    expect(panel).to_contain_text("consent is missing")
    expect(render).to_be_disabled()
    sign(page, "Nobody")
    why = "no face in clips/nobody.mp4: take a sharp picture of the person, facing the camera"
    expect(notices).to_contain_text(f"Record of Nobody failed: {why}", timeout=SOON)
    expect(panel).to_contain_text("consent is missing")
    page.get_by_label("Bring one").set_input_files(clips[1])
    expect(page.get_by_label("Who will be shown").locator("option:checked")).to_have_text("clip · woman.mp4")
    sign(page, "Ben", "man.mp4")
    expect(page.get_by_text("The gate looks whether it is Ben, and stops if not.")).to_be_visible(timeout=SOON)
    render.click()
    told = page.get_by_role("region", name="Swap man-swap")
    expect(told).to_contain_text("agree with the consent of Ben", timeout=SOON)
    expect(told).to_contain_text("name the record of the person who is shown, or get their consent")
    expect(told.get_by_role("link", name="Get their consent")).to_be_visible()


def find_progress(page: Page, title: str) -> Locator:
    """How far a job is, as the page Jobs shows it."""
    return page.get_by_role("main", name="Jobs").get_by_role("progressbar", name=f"Progress of {title}")


def check_result(page: Page, studio: RunningStudio) -> None:
    """The page shows the swap beside its clip and says who made it; so it is."""
    expect(page.get_by_role("img", name="man-swap.mp4, frame 0")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("region", name="What verify finds").locator(".verdict")).to_have_text(
        "made with effigie", timeout=SOON
    )
    made = studio.workspace / "results" / "man-swap.mp4"
    assert verify(made).verdict == "made-by-effigie"
    with VideoReader(made) as reader:
        assert sum(1 for _ in reader) == FRAMES


def sign(page: Page, name: str, shows: str | None = None) -> None:
    """Attest somebody's consent, by the clip that is to show them or another."""
    page.get_by_role("button", name="Get their consent").click()
    page.keyboard.type(name)
    if shows is not None:
        page.get_by_label("A photo or clip of them alone").select_option(label=shows)
    page.get_by_role("button", name="Sign the record").click()
