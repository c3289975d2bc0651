"""Voices in a real browser whose microphone plays a stock voice: a text spoken, recordings reviewed, one read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_browser import FAKE_DEVICES, check_accessibility, open_page
from running_studio import RunningStudio
from test_language import find_english

import effigie

from hands import Keyboard  # isort: skip
from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
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
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Page]:
    """The page Voices of a workspace with one recording."""
    folder = tmp_path_factory.mktemp("heard")
    effigie.voice.speak("rowan", f"{SENTENCE.capitalize()}.", folder / "microphone.wav")
    (root / "recordings").mkdir()
    effigie.voice.speak("rowan", SAID, folder / "said.wav")
    shutil.copy(folder / "said.wav", root / "recordings" / "rowan.wav")
    studio = RunningStudio(root, program=("-c", PROGRAM))
    microphone = f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"
    with open_page(f"http://{studio.host}{studio.entrance}", *FAKE_DEVICES, microphone) as shown:
        expect(shown.get_by_role("link", name="Voices")).to_be_visible(timeout=SOON)
        shown.keyboard.press("8")
        expect(shown.get_by_role("heading", name="Nothing said yet")).to_be_visible(timeout=SOON)
        yield shown
    studio.end()


def test_a_text_is_spoken_and_seen_beside_a_recording(page: Page) -> None:
    check_both_themes(page)
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
    check_both_themes(page)
    assert Keyboard(page).go_round() > 30
    made.get_by_role("link", name="Verify").click()
    expect(page.get_by_text("made with effigie", exact=True)).to_be_visible(timeout=SOON)
    check_both_themes(page)


def test_recordings_are_reviewed_and_a_sentence_is_read_at_the_microphone(page: Page) -> None:
    page.keyboard.press("8")
    page.get_by_role("button", name="Learn a voice").click()
    page.get_by_role("checkbox", name="rowan.wav").check()
    page.get_by_role("button", name="Review what is marked").click()
    expect(page.get_by_text("birch canoe slid")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("are little to learn a voice from")).to_be_visible()
    check_both_themes(page)
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
    check_both_themes(page)
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("heading", name="Read right")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Back to the recordings").click()
    expect(page.get_by_text("read: 100 % of the words")).to_be_visible()
    page.get_by_role("checkbox", name="rowan.wav").check()
    expect(page.get_by_role("button", name="Learn", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Italiano").click()
    expect(page.get_by_role("button", name="Impara", exact=True)).to_be_enabled()
    assert not find_english(page.locator("body").inner_text())


def test_a_learned_voice_has_a_likeness_and_a_stock_voice_none(page: Page, root: Path) -> None:
    config = {"kind": "voice", "base": "am_adam", "melody": {"mean": 4.8, "spread": 0.2}, "tempo": 1.0}
    manifest = {"created": "2026-11-01T10:00:00+00:00", "consents": [], "recordings": [{"name": "anna.wav"}]}
    manifest |= {"steps": 60, "held_out": {"best": 1.25}, "missing_phonemes": ""}
    folder = root / "voices" / "anna"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    page.evaluate("localStorage.clear()")  # the language of an earlier test
    page.reload()
    page.get_by_role("button", name="willow").click()
    expect(page.get_by_label("willow says, in English")).to_be_visible(timeout=SOON)
    expect(page.get_by_label("Likeness")).to_have_count(0)
    page.get_by_role("button", name="anna").click()
    likeness = page.get_by_label("Likeness")
    expect(likeness).to_have_count(2)  # of speaking, and of converting
    check_both_themes(page)
    page.get_by_label("anna says, in English").fill("See you soon.")
    likeness.first.fill("0.35")
    with page.expect_request("**/api/jobs") as spoken:
        page.get_by_role("button", name="Speak", exact=True).click()
    assert spoken.value.post_data_json["fields"]["likeness"] == 0.35
    page.get_by_role("region", name="Convert a performance").get_by_role("combobox").select_option(label="rowan.wav")
    likeness.last.fill("0.15")
    with page.expect_request("**/api/jobs") as converted:
        page.get_by_role("button", name="Convert", exact=True).click()
    assert converted.value.post_data_json["fields"]["likeness"] == 0.15
    page.get_by_role("button", name="Italiano").click()
    expect(page.get_by_label("Somiglianza")).to_have_count(2)
    assert not find_english(page.locator("body").inner_text())


def check_both_themes(page: Page) -> None:
    for theme in ("light", "dark"):
        check_accessibility(page, theme)
