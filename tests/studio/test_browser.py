"""The studio in a real browser: a newcomer's way by keyboard, every page without serious findings of axe-core."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_browser import check_accessibility, open_page
from running_studio import RunningStudio
from spoilt_faces import write_spoilt_faces
from studio_clips import write_clip
from test_language import find_english

from effigie.studio.browser import write_opener

from hands import Keyboard  # isort: skip
from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
PAGES = ("people", "clips", "faces", "train", "swap", "merge", "heads", "voices", "results", "jobs")
SIGNED = Path(__file__).parents[1] / "compatibility" / "version1" / "output.mp4"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio that nobody has entered."""
    started = RunningStudio(tmp_path_factory.mktemp("browser"))
    yield started
    started.end()


@pytest.fixture(scope="module")
def page(running: RunningStudio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page that entered through the private file, as the user's browser does."""
    opener = tmp_path_factory.mktemp("opener") / "open.html"
    write_opener(opener, f"http://{running.host}{running.entrance}")
    with open_page(opener.as_uri(), host=running.host) as shown:
        expect(shown.get_by_text("An empty workspace")).to_be_visible(timeout=30_000)
        yield shown


def test_an_empty_workspace_offers_the_demo(page: Page) -> None:
    expect(page.get_by_role("button", name="Make the demo")).to_be_visible()
    expect(page.get_by_role("button", name="Bring my own clips")).to_be_visible()


def test_a_clip_is_brought_in_and_stepped_through_by_keyboard(page: Page, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "numbers.mp4", 60)
    page.keyboard.press("2")
    page.get_by_label("Bring my own clips").set_input_files(clip)
    picture = page.get_by_role("img", name="numbers.mp4, frame 0")
    expect(picture).to_be_visible(timeout=30_000)
    expect(page.get_by_text("exact")).to_be_visible()
    for key, frame in (("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 59), ("Home", 0)):
        page.keyboard.press(key)
        expect(page.get_by_role("img", name=f"numbers.mp4, frame {frame}")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("img", name="numbers.mp4, frame 59")).to_be_visible()
    shown, deadline = -1, time.monotonic() + 10
    while shown != 59 and time.monotonic() < deadline:  # the canvas is drawn after its name has changed
        bits = page.evaluate(
            """() => { const frame = document.querySelector("canvas.frame"), c = frame.getContext("2d");
        const scale = Math.min(frame.width / 192, frame.height / 96), x = (frame.width - 192 * scale) / 2;
        const y = (frame.height - 96 * scale) / 2 + 8 * scale;
        return [...Array(12).keys()].map(i => c.getImageData(x + (16 * i + 8) * scale, y, 1, 1).data[1] > 128); }"""
        )
        shown = sum(1 << index for index, bit in enumerate(bits) if bit)
    assert shown == 59


def test_a_job_is_asked_for_watched_and_its_command_shown(page: Page) -> None:
    page.keyboard.press("2")
    page.get_by_role("button", name="Extract").click()
    page.keyboard.press("0")
    expect(page.get_by_role("cell", name="done", exact=True)).to_be_visible(timeout=120_000)
    expect(page.get_by_text("effigie extract clips/numbers.mp4 -o faces/numbers.faces", exact=True)).to_be_visible()
    expect(page.get_by_text("no face in")).to_be_visible()


def test_credentials_of_any_file_are_read_out(page: Page) -> None:
    page.keyboard.press("9")
    page.get_by_label("Verify a file").set_input_files(SIGNED)
    page.get_by_role("button", name="Read in full: output.mp4").click(timeout=60_000)
    read = page.get_by_role("dialog", name="output.mp4")
    signature = read.get_by_role("region", name="Content credentials")
    expect(signature).to_contain_text("effigie signer 56f5f270")
    expect(signature).to_contain_text("cbe5abadbc34bc13ab49c575180cf87c77fe81db0f15881d5e49154248609eb0")
    expect(read.get_by_role("region", name="Consents")).to_contain_text("c-90860599d977e5d5")
    expect(read.get_by_role("region", name="Made from")).to_contain_text("target.mp4")
    expect(read.get_by_role("region", name="Marks")).to_contain_text("23a0725361ae · confidence 100 %")
    check_accessibility(page)
    page.keyboard.press("Escape")
    expect(read).to_have_count(0)


def test_findings_of_a_review_are_shown_and_dropped(page: Page, running: RunningStudio) -> None:
    write_spoilt_faces(running.workspace / "faces" / "spoilt.faces")
    page.reload()
    page.keyboard.press("3")
    page.get_by_label("Face set").select_option(label="spoilt.faces · 24")
    page.get_by_role("button", name="Review", exact=True).click()
    kinds = page.get_by_role("group", name="Show only")
    kinds.get_by_role("button", name="badly lit").click(timeout=60_000)
    faces = page.get_by_role("option").filter(visible=True).and_(page.locator(".cell"))
    expect(faces).to_have_count(4)
    expect(faces.first).to_have_accessible_name("Face 1, frame 0: covered and badly lit")
    page.keyboard.press("Control+a")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(faces).to_have_count(24)
    page.get_by_role("button", name="that are better dropped").click()
    left = page.locator(".cell:not(.dropped)").count()
    assert 12 < left < 20  # the unsure one, and what a hand might cover, beside the dark ones
    page.get_by_role("button", name=f"Drop {24 - left}").click()
    page.get_by_role("button", name="Press again: for good").click()
    expect(faces).to_have_count(left, timeout=60_000)
    expect(page.get_by_text("the set was changed since")).to_be_visible()


def test_what_is_typed_stays_in_its_field(page: Page) -> None:
    page.keyboard.press("1")
    page.get_by_role("button", name="New record or request").first.click()
    page.get_by_label("Name").fill("")
    page.get_by_label("Name").press_sequentially("J K L 8 ?")
    expect(page.get_by_label("Name")).to_have_value("J K L 8 ?")
    expect(page.get_by_role("button", name="Sign the record")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(page: Page, name: str, theme: str) -> None:
    page.keyboard.press(str((PAGES.index(name) + 1) % 10))
    page.wait_for_timeout(500)
    check_accessibility(page, theme)


@pytest.mark.parametrize("name", PAGES)
def test_tab_goes_over_the_whole_page_and_is_seen(page: Page, name: str) -> None:
    page.keyboard.press(str((PAGES.index(name) + 1) % 10))
    page.wait_for_timeout(500)
    assert Keyboard(page).go_round() > len(PAGES)


def test_the_browsers_language_is_spoken_and_the_switch_remembered(page: Page, running: RunningStudio) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(locale="it-IT", storage_state=page.context.storage_state())
    shown = context.new_page()
    shown.goto(f"http://{running.host}/")
    expect(shown.get_by_role("link", name="Persone")).to_be_visible(timeout=30_000)
    for number, name in enumerate(PAGES):
        shown.keyboard.press(str((number + 1) % 10))
        shown.wait_for_timeout(500)
        assert not (english := find_english(shown.locator("body").inner_text())), f"{name} says {english}"
    shown.get_by_role("button", name="English").click()
    expect(shown.get_by_role("link", name="People")).to_be_visible()
    assert shown.locator("html").get_attribute("lang") == "en"
    shown.reload()
    expect(shown.get_by_role("link", name="People")).to_be_visible(timeout=30_000)
    context.close()


def test_the_page_comes_back_after_a_kill(page: Page, running: RunningStudio) -> None:
    page.keyboard.press("0")
    workspace = running.workspace
    running.process.kill()
    expect(page.get_by_role("alert")).to_be_visible(timeout=30_000)
    again = RunningStudio(workspace, port=running.port)
    try:
        expect(page.get_by_role("alert")).to_have_count(0, timeout=30_000)
        expect(page.get_by_role("cell", name="done", exact=True).first).to_be_visible()
    finally:
        again.end()
