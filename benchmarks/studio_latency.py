"""`python -m benchmarks.studio_latency`: how long the studio's page Merge takes to its pictures.

A project of the pip samples, swapped by geometry alone, in headless Chromium (from the distribution's packages; pip
install playwright). Prints p50 and p95 of the time from a slider's input to its draft and to the film's
frame, as the page shows them, how many pictures a drag of three seconds shows, and the time from the page's address to
its project's first picture and to the film's, in a studio that was just started. Meant for an idle machine: the load
is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import effigie
from benchmarks.machine import load_average
from effigie.assets import ASSETS, fetch_asset
from effigie.consent import new_consent
from effigie.media import EncodeSettings, VideoReader, VideoWriter, probe
from effigie.swap import build_swap

FRAMES = 120
SOON = 180_000  # ms: models are loaded
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
# Moves a control of the inspector, and waits until the page shows its draft, and then the film's frame.
MOVE = """async (times) => {
  const state = () => document.querySelector("[data-state]").dataset.state;
  const knobs = [...document.querySelectorAll("label.knob")];
  const slider = knobs.find((one) => one.textContent.includes("feather")).querySelector("input[type=range]");
  const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const frame = () => new Promise(requestAnimationFrame);
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const taken = [];
  for (let i = 0; i < times; i++) {
    setter.call(slider, String(low + (high - low) * (0.2 + 0.6 * ((i * 7) % times) / times)));
    const begun = performance.now();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    while (state() === "film") await frame();
    const draft = performance.now() - begun;
    while (state() !== "film") await frame();
    taken.push([draft, performance.now() - begun]);
    await new Promise((done) => setTimeout(done, 200));
  }
  return taken;
}"""
DRAG = """async (seconds) => {
  const canvas = document.querySelector("canvas.frame");
  const knobs = [...document.querySelectorAll("label.knob")];
  const slider = knobs.find((one) => one.textContent.includes("feather")).querySelector("input[type=range]");
  const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const state = () => document.querySelector("[data-state]").dataset.state;
  const [low, high] = [Number(slider.min), Number(slider.max)];
  const looks = new Set();
  const note = () => looks.add(canvas.toDataURL("image/jpeg", 0.3));
  const begun = performance.now();
  while (performance.now() - begun < 1000 * seconds) {
    const share = 0.5 + 0.45 * Math.sin((performance.now() - begun) / 300);
    setter.call(slider, String(low + (high - low) * share));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((done) => setTimeout(done, 33));
    note();
  }
  const released = performance.now(), pictures = looks.size;
  while (state() !== "film") await new Promise(requestAnimationFrame);
  return [pictures / seconds, performance.now() - released];
}"""

# Notes when, in ms since the page was asked for, its canvas first has a picture, and which.
WATCH = """() => {
  window.firsts = {};
  const look = () => {
    const state = document.querySelector("[data-state]")?.dataset.state;
    const frame = document.querySelector("canvas.frame");
    const middle = frame?.width && frame.getContext("2d").getImageData(frame.width >> 1, frame.height >> 1, 1, 1).data;
    if (middle && middle[0] + middle[1] + middle[2] > 60) {
      window.firsts.picture ??= performance.now();
      window.firsts[state] ??= performance.now();
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def main() -> None:
    """Print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=25, help="how often a slider is moved")
    parser.add_argument("--openings", type=int, default=5, help="how often a studio is started and its project opened")
    asked = parser.parse_args()
    for width, height in ((640, 360), (1280, 720)):
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder)
            make_workspace(workspace, (width, height))
            print(f"{width}x{height}, load {load_average()}")
            for name, values in measure(workspace, asked.times, asked.openings).items():
                print(f"  {name}: {values}", flush=True)


def make_workspace(folder: Path, size: tuple[int, int]) -> None:
    """A workspace with a model of the woman for the man, and his first frames at a size (width, height)."""
    woman, man = fetch_asset("sample_woman"), fetch_asset("sample_man")
    terms = ASSETS["sample_woman"].license
    consent = new_consent("the woman of the samples", [woman], ["swap"], basis=terms, evidence=[woman])
    (folder / "clips").mkdir()
    with VideoReader(man, stop=FRAMES) as reader:
        info = replace(probe(man), width=size[0], height=size[1], pixel_aspect=Fraction(1))
        with VideoWriter(folder / "clips" / "man.mp4", info, EncodeSettings(keep_audio=False)) as out:
            for frame in reader:
                out.write(cv2.resize(frame.image, size, interpolation=cv2.INTER_CUBIC), frame.time, frame.duration)
    effigie.extract([woman], folder / "woman.faces")
    build_swap(folder / "woman.faces", folder / "clips" / "man.mp4", folder / "models" / "woman", consent=consent)


def measure(workspace: Path, times: int, openings: int) -> dict[str, str]:
    """The figures of one workspace, in words."""
    with open_studio(workspace) as page:
        page.keyboard.press("6")
        page.get_by_role("button", name="New project").click()
        page.get_by_role("button", name="Open it").click()
        page.locator("[data-state=film]").wait_for(timeout=SOON)
        page.wait_for_timeout(8000)  # the clip is measured
        drafts, films = zip(*page.evaluate(MOVE, times), strict=True)
        a_second, film = page.evaluate(DRAG, 3)
    opened = [measure_opening(workspace) for _ in range(openings)]
    return {
        "page to the project's first picture": summarize([first["picture"] for first, _ in opened]),
        "page to the film's frame, models loaded anew": summarize([first["film"] for first, _ in opened]),
        "page loaded again, to the film's frame": summarize([again["film"] for _, again in opened]),
        "slider to draft": summarize(drafts),
        "slider to the film's frame": summarize(films),
        "drag of three seconds": f"{a_second:.0f} pictures a second; film's frame {film:.0f} ms after its end",
    }


def measure_opening(workspace: Path) -> list[dict[str, float]]:
    """Milliseconds from a page's address to what it first shows of the project, by what that is.

    In a studio that was just started, and when the page is loaded again.
    """
    found = []
    with open_studio(workspace) as entered:
        page = entered.context.new_page()
        page.add_init_script(f"({WATCH})()")
        for go in (lambda: page.goto(entered.url.split("#")[0] + "#merge"), page.reload):
            go()
            page.wait_for_function("() => window.firsts.film", timeout=SOON)
            found.append(page.evaluate("window.firsts"))
    return found


@contextlib.contextmanager
def open_studio(workspace: Path) -> Iterator[Any]:
    """A studio of its own, and a page that has entered it."""
    from playwright.sync_api import sync_playwright

    chromium = next((path for name in NAMES if (path := shutil.which(name))), None)
    studio = subprocess.Popen(
        [sys.executable, "-P", "-m", "effigie", "studio", str(workspace), "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert studio.stdout is not None
        address = next(word for line in studio.stdout for word in line.split() if word.startswith("http://"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            try:
                page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
                page.goto(address)
                page.get_by_role("link", name="Merge").wait_for(timeout=SOON)
                yield page
            finally:
                browser.close()
    finally:
        studio.terminate()
        studio.wait()


def summarize(taken: Sequence[float]) -> str:
    """p50 and p95 in ms."""
    values: Any = np.percentile(taken, [50, 95])
    return f"p50 {values[0]:.0f} ms, p95 {values[1]:.0f} ms ({len(taken)} times)"


if __name__ == "__main__":
    main()
