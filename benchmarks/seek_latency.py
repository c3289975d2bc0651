"""`python -m benchmarks.seek_latency`: how long the studio takes to a frame anywhere in a film of two hours.

A pip sample at 1280x720, with B-frames and a key frame every 10 s, whose packets are repeated; prints p50 and p95 of
frames at random, each cold. Meant for an idle machine.
"""

from __future__ import annotations

import random
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from benchmarks.machine import load_average
from effigie.assets import fetch_asset
from effigie.studio.views.frames import FrameSources

WIDTH, HEIGHT, RATE = 1280, 720, 25
OPTIONS: dict[str, object] = {"crf": "23", "preset": "veryfast", "g": "250"}
SECONDS, SEEKS = 7200, 60


def main() -> None:
    """Make the film, seek in it, print."""
    with tempfile.TemporaryDirectory() as folder:
        film = repeat_packets(encode_sample(Path(folder) / "once.mp4"), Path(folder) / "film.mp4")
        sources, chance, taken = FrameSources(), random.Random(1), []
        frames = int(sources.describe(film)["frames"])
        for _ in range(SEEKS):
            number = chance.randrange(frames)
            begun = time.perf_counter()
            picture = sources.picture(film, number)
            taken.append(1000 * (time.perf_counter() - begun))
            assert picture.number == number
        middle, late = np.percentile(taken, [50, 95])
        print(f"{frames} frames, load {load_average()}: p50 {middle:.0f} ms, p95 {late:.0f} ms of {SEEKS} seeks")


def encode_sample(path: Path) -> Path:
    """The woman's clip, enlarged."""
    with av.open(str(fetch_asset("sample_woman"))) as source, av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.options = WIDTH, HEIGHT, "yuv420p", OPTIONS
        for number, frame in enumerate(source.decode(video=0)):
            enlarged = frame.reformat(WIDTH, HEIGHT, "yuv420p")
            enlarged.pts, enlarged.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(enlarged))
        output.mux(stream.encode(None))
    return path


def repeat_packets(path: Path, film: Path) -> Path:
    """A film as long as :data:`SECONDS`, of the clip's packets over and over."""
    with av.open(str(path)) as source, av.open(str(film), "w") as output:
        packets = [packet for packet in source.demux(video=0) if packet.dts is not None]
        span = sum(packet.duration or 0 for packet in packets)
        base = packets[0].time_base
        stream = output.add_stream_from_template(source.streams.video[0])
        for turn in range(int(SECONDS / float(span * base)) + 1):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base, copy.duration = stream, base, packet.duration
                copy.pts = (packet.pts or 0) + turn * span
                copy.dts = (packet.dts or 0) + turn * span
                copy.is_keyframe = packet.is_keyframe
                output.mux(copy)
    return film


if __name__ == "__main__":
    main()
