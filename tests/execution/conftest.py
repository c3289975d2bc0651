"""Fixtures of job tests: small files, and every available engine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import copying
import pytest

from effigie.execution.executor import create_executor
from effigie.execution.job import JobPlan, run_job
from effigie.progress import CancelToken, ignore_progress


@pytest.fixture(scope="session")
def ray():
    """Ray with two workers, started once; they find what these tests make of clips."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        executor = create_executor("ray", 2)
        executor.warm_up()
        yield executor
        executor.close()


@pytest.fixture
def job(tmp_path):
    """job(clips, output=..., engine=..., identity=..., retries=..., **more) -> the report."""
    (tmp_path / "calls").mkdir(exist_ok=True)

    def run(clips, output=None, engine="inline", identity="one", retries=1, force=False, **more):
        plan = JobPlan(
            copying.capitals, str(tmp_path / "calls"), identity, str(output or tmp_path / "out"), ".mp4", force
        )
        executor = create_executor(engine, 2) if isinstance(engine, str) else engine
        closing = contextlib.closing(executor) if isinstance(engine, str) else contextlib.nullcontext()
        with closing:
            progress, cancel = more.get("progress", ignore_progress), more.get("cancel") or CancelToken()
            return run_job(plan, [str(clip) for clip in clips], executor, retries, "copy", progress, cancel)

    run.calls = lambda: copying.calls(tmp_path / "calls")
    return run


@pytest.fixture
def clips(tmp_path):
    """clips(text, ...) -> files clip0.mp4, clip1.mp4, ... that hold those texts."""

    def function(*texts):
        paths = [tmp_path / f"clip{number}.mp4" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return paths

    return function
