"""Voices in a real browser whose microphone plays a stock voice: a text spoken, recordings reviewed, one read."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_studio import RunningStudio
from test_language import find_english

import effigie
from effigie import studio as package

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
if os.environ.get("EFFIGIE_BROWSER") != "required":
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium", allow_module_level=True)
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("no playwright here: pip install playwright", allow_module_level=True)

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

pytestmark = pytest.mark.slow
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
AXE = Path(package.__file__).parent / "web" / "node_modules" / "axe-core" / "axe.min.js"
SOON = 120_000  # ms: networks are loaded, on a busy machine
SENTENCE = "the brown apple follows the cold river near the tiny tower"
SAID = "Glue the sheet to the dark blue background. The birch canoe slid on the smooth planks. The brown house faces a "
SAID += "cold river. Rice is often served in round bowls."
READ_MS = 6000  # that are recorded: the microphone says it again and again
# A studio that draws what the microphone says: everything else is as it is.
PROGRAM = (
    f"import effigie.consent.challenge as challenge; challenge.draw_sentence = lambda: {SENTENCE!r};"
    "from effigie.cli.app import main; main()"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page Voices of a workspace with one recording."""
    folder, root = tmp_path_factory.mktemp("heard"), tmp_path_factory.mktemp("voices")
    effigie.voice.speak("rowan", f"{SENTENCE.capitalize()}.", folder / "microphone.wav")
    (root / "recordings").mkdir()
    effigie.voice.speak("rowan", SAID, folder / "said.wav")
    shutil.copy(folder / "said.wav", root / "recordings" / "rowan.wav")
    studio, wrong = RunningStudio(root, program=("-c", PROGRAM)), []
    with sync_playwright() as playwright:
        microphone = f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, microphone])
        shown = browser.new_page(viewport={"width": 1280, "height": 720})
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.goto(f"http://{studio.host}{studio.entrance}")
        expect(shown.get_by_role("link", name="Voices")).to_be_visible(timeout=SOON)
        shown.keyboard.press("8")
        expect(shown.get_by_role("heading", name="Nothing said yet")).to_be_visible(timeout=SOON)
        yield shown
        browser.close()
    studio.end()
    assert not wrong


def test_a_text_is_spoken_and_seen_beside_a_recording(page: Page) -> None:
    check_axe(page)
    text = page.get_by_label("willow says, in English")
    text.fill("See you soon.")
    text.press("Control+Enter")
    made = page.get_by_role("figure", name="Made")
    expect(made.get_by_role("img", name="Spectrogram")).to_be_visible(timeout=SOON)
    page.get_by_label("Beside").select_option(label="rowan.wav")
    expect(page.get_by_role("figure", name="Recording").get_by_role("img", name="Spectrogram")).to_be_visible(
        timeout=SOON
    )
    place = made.get_by_role("slider", name="Place in willow-see-you-soon.wav, pitch")
    place.press("ArrowRight")
    expect(place).to_have_attribute("aria-valuenow", "0.5")
    check_axe(page)
    made.get_by_role("link", name="Verify").click()
    expect(page.get_by_text("made with effigie", exact=True)).to_be_visible(timeout=SOON)
    check_axe(page)


def test_recordings_are_reviewed_and_a_sentence_is_read_at_the_microphone(page: Page) -> None:
    page.keyboard.press("8")
    page.get_by_role("button", name="Learn a voice").click()
    page.get_by_role("checkbox", name="rowan.wav").check()
    page.get_by_role("button", name="Review what is marked").click()
    expect(page.get_by_text("birch canoe slid")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("are little to learn a voice from")).to_be_visible()
    check_axe(page)
    expect(page.get_by_role("button", name="Draw a sentence")).to_be_disabled()
    page.get_by_label("Name", exact=True).fill("Rowan")
    page.get_by_label("It rests on").fill("a stock voice")
    page.get_by_role("button", name="I have their consent").click()
    expect(page.get_by_role("link", name="See the record")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("needs the sentence that was read")).to_be_visible()
    page.get_by_role("button", name="Draw a sentence").click()
    expect(page.get_by_text(SENTENCE)).to_be_visible()
    page.get_by_role("button", name="Start the microphone").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(READ_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_label("Your recording")).to_be_visible()
    check_axe(page)
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("heading", name="Read right")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Back to the recordings").click()
    expect(page.get_by_text("read: 100 % of the words")).to_be_visible()
    page.get_by_role("checkbox", name="rowan.wav").check()
    expect(page.get_by_role("button", name="Learn", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Italiano").click()
    expect(page.get_by_role("button", name="Impara", exact=True)).to_be_enabled()
    assert not find_english(page.locator("body").inner_text())


def check_axe(page: Page) -> None:
    if not AXE.is_file():
        return
    for theme in ("light", "dark"):
        page.evaluate("theme => (document.documentElement.dataset.theme = theme)", theme)
        page.evaluate(AXE.read_text("utf-8"))
        found: list[dict[str, Any]] = page.evaluate("axe.run().then(found => found.violations)")
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not serious, json.dumps([(one["id"], [node["html"] for node in one["nodes"]]) for one in serious])
