"""Granting at the camera, in a real browser whose camera plays a film: a woman turns to her left and blinks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from real_browser import FAKE_DEVICES, check_accessibility, open_page
from running_studio import RunningStudio

from effigie.media import VideoReader

from playwright.sync_api import Page, expect  # isort: skip

pytestmark = pytest.mark.slow
BEGIN, END, RATE = 13.9, 16.5, 24  # seconds of the clip, which then runs back
HOLD_S = 6.5  # before, so that the page can begin
# A studio that draws what she does: everything else is as it is.
PROGRAM = (
    "import effigie.consent.grant_challenge as challenge; challenge.draw_steps = lambda: {steps};"
    "from effigie.cli.app import main; main()"
)


@pytest.fixture(scope="module")
def film(sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the camera plays, as motion JPEG; a photo of her lies beside it."""
    with VideoReader(sample("sample_woman")) as reader:
        frames = [frame.image for frame in reader if BEGIN <= float(frame.time) < END]
    frames += frames[::-1]
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuvj420p"
        stream.codec_context.qmin, stream.codec_context.qmax = 2, 4
        for image in [frames[0]] * round(HOLD_S * RATE) + frames + [frames[-1]] * (60 * RATE):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    cv2.imwrite(str(path.with_name("woman.png")), frames[40][:, :, ::-1])
    return path


@pytest.fixture(scope="module", params=[("turn-left", "blink"), ("blink", "turn-left")], ids=["asked", "not-asked"])
def page(request: Any, film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of a studio with a request to the woman."""
    workspace = tmp_path_factory.mktemp("grants")
    ask = ["consent", "request", "Anna", "--photo", str(film.with_name("woman.png")), "-o"]
    subprocess.run([sys.executable, "-m", "effigie", *ask, workspace / "requests" / "anna.request.json"], check=True)
    studio = RunningStudio(workspace, program=("-c", PROGRAM.format(steps=request.param)))
    camera = f"--use-file-for-fake-video-capture={film}"
    with open_page(f"http://{studio.host}{studio.entrance}", *FAKE_DEVICES, camera, host=studio.host) as shown:
        shown.goto(f"http://{studio.host}/#people")
        shown.get_by_role("button", name="Grant at the camera").click()
        yield shown
    studio.end()


def test_a_person_grants_at_the_camera_or_is_told_why_not(page: Page, request: pytest.FixtureRequest) -> None:
    """The same film answers one challenge and not the other; the check is the command's own."""
    expect(page.get_by_role("heading", name="Anna, this is for you")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("checkbox", name="With the microphone").uncheck()
    page.get_by_role("button", name="I have read it: start the camera").click()
    expect(page.get_by_label("Mirror: what the camera sees")).to_be_visible()
    page.get_by_role("button", name="Begin").click()
    first = "Close both eyes" if "not-asked" in request.node.name else "Turn your head to your left"
    expect(page.get_by_text(first)).to_be_visible(timeout=20_000)
    check_accessibility(page)
    send = page.get_by_role("button", name="Send this clip")
    expect(send).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Your clip, as it was filmed")).to_be_visible()
    send.click()
    if "not-asked" in request.node.name:
        expect(page.get_by_role("heading", name="Not granted")).to_be_visible(timeout=240_000)
        expect(page.get_by_text("asked for was blink, turn-left, in that order")).to_be_visible()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("button", name="Begin")).to_be_visible()
        return
    expect(page.get_by_role("heading", name="Granted", exact=True)).to_be_visible(timeout=240_000)
    page.get_by_role("button", name="See the record").click()
    expect(page.get_by_text("turn left, blink; in", exact=False)).to_be_visible()
    expect(page.get_by_role("button", name="Grant at the camera")).to_have_count(0)
    check_accessibility(page)
