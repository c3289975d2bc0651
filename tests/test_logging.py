"""What developers want to see is logged; a library shows nothing by itself."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from effigie.occlusion.checkpoint import load_occlusion


def test_a_library_shows_nothing_by_itself() -> None:
    program = "import effigie, logging; logging.getLogger('effigie.somewhere').warning('not seen')"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == ended.stderr == ""


def test_a_loaded_model_is_logged_with_its_folder(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "effigie"):
        load_occlusion()
    assert "loaded the occlusion network" in caplog.text and "shipped" in caplog.text


def test_the_command_shows_the_log_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import sys; sys.argv = ['effigie', '--version']\n"
        "import logging, atexit\n"
        "atexit.register(lambda: logging.getLogger('effigie.somewhere').info('seen'))\n"
        "from effigie.cli import main; main()"
    )
    for level, said in (("info", "INFO effigie.somewhere: seen\n"), ("", "")):
        monkeypatch.setenv("EFFIGIE_LOG", level)
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert ended.stderr == said
