"""Tests of the pipeline's threads: order is kept, errors arrive, no thread stays."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import pytest
from copying import HANGS_S, until

from effigie.execution import pipeline
from effigie.execution.pipeline import BackgroundConsumer, Prefetcher, ordered_map, shared_cores

MOMENT_S = 0.2  # long enough to see most threads that go on although they should not


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
def no_thread_stays():
    before = set(threading.enumerate())
    yield
    until(lambda: set(threading.enumerate()) <= before)


def test_in_order_and_ahead():
    """While the loop rests the thread works on, but no further than it may."""
    made = []

    def items():
        for index in range(20):
            made.append(index)
            yield index

    with Prefetcher(items(), depth=3) as loop:
        assert next(loop) == 0
        until(lambda: len(made) >= 5)  # three wait, and one is in the hand
        time.sleep(MOMENT_S)
        assert len(made) == 5
        assert list(loop) == list(range(1, 20))


def test_an_error_before_the_loop_arrives_in_it():
    def items():
        yield 1
        raise Trouble("broken")

    seen = []
    with pytest.raises(Trouble, match="broken"), Prefetcher(items()) as loop:
        seen.extend(loop)
    assert seen == [] or seen == [1]


def test_leaving_the_loop_early_ends_the_thread():
    def items():
        index = 0
        while True:
            yield (index := index + 1)

    with Prefetcher(items(), depth=2) as loop:
        for item in loop:
            if item == 5:
                break
    with pytest.raises(Trouble), Prefetcher(items(), depth=2) as loop:
        for _ in loop:
            raise Trouble


def test_everything_is_consumed_in_order():
    done = []
    with BackgroundConsumer(done.append, depth=2) as out:
        for index in range(50):
            out.put(index)
    assert done == list(range(50))


def test_an_error_behind_the_loop_stops_it():
    done = []

    def consume(item):
        if item == 3:
            raise Trouble("disk")
        done.append(item)

    put = 0
    with pytest.raises(Trouble, match="disk"), BackgroundConsumer(consume, depth=2) as out:
        for index in range(1000):
            out.put(index)
            put = index
    assert done == [0, 1, 2]
    assert put <= 3 + 2 + 1, "two wait while the third fails, and one to be put waits for them"


def test_an_error_in_the_last_item_is_not_lost():
    loop_ended = threading.Event()

    def consume(item):
        assert loop_ended.wait(HANGS_S)
        raise Trouble("at the end")

    with pytest.raises(Trouble, match="at the end"), BackgroundConsumer(consume) as out:
        out.put(1)
        loop_ended.set()


def test_what_the_loop_raises_comes_first():
    """Items that still wait are dropped, not written."""
    done = []

    def consume(item):
        until(lambda: out._error is not None)  # the loop has been left
        done.append(item)

    with pytest.raises(Trouble, match="loop"), BackgroundConsumer(consume, depth=8) as out:
        for index in range(8):
            out.put(index)
        raise Trouble("loop")
    assert len(done) <= 1, "what was begun is finished"


def test_several_at_once_and_in_order():
    """Two work at the same time, the slow one first; no more are begun than may wait."""
    both, drawn = threading.Barrier(2, timeout=HANGS_S), []

    def items():
        for index in range(12):
            drawn.append(index)
            yield index

    def make(index):
        if index < 2:
            both.wait()  # passes only when two threads are here at once
        time.sleep(0.02 * (index % 3 == 0))
        return 10 * index

    with ordered_map(make, items(), workers=2, depth=3) as loop:
        assert next(loop) == 0
        assert drawn == [0, 1, 2, 3]
        assert list(loop) == [10 * index for index in range(1, 12)]


@pytest.mark.parametrize("where", ["items", "make"])
def test_an_error_of_several_arrives_in_its_place(where):
    def items():
        yield from (1, 2)
        if where == "items":
            raise Trouble("broken")
        yield 3

    def make(item):
        if item == 3:
            raise Trouble("broken")
        return item

    seen = []
    with pytest.raises(Trouble, match="broken"), ordered_map(make, items(), depth=1) as loop:
        seen.extend(loop)


def test_leaving_several_early_begins_nothing_more(monkeypatch):
    begun, left = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, *arguments, **options):
            left.set()
            super().shutdown(*arguments, **options)

    def make(index):
        begun.append(index)
        assert index == 0 or left.wait(HANGS_S)

    monkeypatch.setattr(pipeline, "ThreadPoolExecutor", Pool)
    with pytest.raises(Trouble), ordered_map(make, range(100), workers=2, depth=8) as loop:
        next(loop)
        raise Trouble
    assert left.is_set()
    assert len(begun) <= 3, "one is done, and two are in work"


def test_opencv_gets_its_threads_back_and_python_its_patience():
    before = cv2.getNumThreads(), sys.getswitchinterval()
    with pytest.raises(Trouble), shared_cores():
        assert cv2.getNumThreads() == 1 and sys.getswitchinterval() < before[1]
        raise Trouble
    assert (cv2.getNumThreads(), sys.getswitchinterval()) == before


def test_cores_are_shared_until_the_last_block_ends():
    before = cv2.getNumThreads(), sys.getswitchinterval()
    entered, may_leave = threading.Event(), threading.Event()

    def share():
        with shared_cores():
            entered.set()
            assert may_leave.wait(HANGS_S)

    other = threading.Thread(target=share)
    with shared_cores():
        other.start()
        assert entered.wait(HANGS_S)
    assert cv2.getNumThreads() == 1 and sys.getswitchinterval() < before[1]
    may_leave.set()
    other.join()
    assert (cv2.getNumThreads(), sys.getswitchinterval()) == before
