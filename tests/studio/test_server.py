"""Tests of the studio's process: its line, its workspace, and two of them on one."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from running_studio import RunningStudio

from effigie.errors import EffigieError, UsageError
from effigie.studio.workspace import Workspace


def test_it_prints_its_address_without_loading_torch(studio: RunningStudio) -> None:
    libraries = {Path(one.path).name for one in psutil.Process(studio.process.pid).memory_maps()}
    assert any(name.startswith("libc.") or name.startswith("libc-") for name in libraries)
    assert not any("torch" in name for name in libraries)


def test_it_listens_on_this_machine_alone(studio: RunningStudio) -> None:
    listening = [c for c in psutil.Process(studio.process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert [connection.laddr for connection in listening] == [("127.0.0.1", studio.port)]


def test_two_studios_on_one_workspace_say_so(studio: RunningStudio, tmp_path) -> None:
    workspace = str(studio.workspace)
    second = subprocess.run(
        [sys.executable, "-m", "effigie", "studio", workspace, "--no-browser"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert f"another studio has {workspace} open at http://127.0.0.1:{studio.port}/" in second.stderr
    assert studio.is_alive()


def test_after_a_kill_the_same_port_and_session_serve_again(tmp_path) -> None:
    first = RunningStudio(tmp_path)
    first.enter()
    first.process.kill()
    first.end()
    arguments = [sys.executable, "-m", "effigie", "studio", str(tmp_path), "--no-browser"]
    second = RunningStudio(tmp_path, port=first.port)
    try:
        second.cookie = first.cookie
        assert second.ask("GET", "/api/library")[0] == 200
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(timeout=30) == 0
    finally:
        second.end()
    third = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)  # without --port: the one it had last
    try:
        assert third.stdout is not None and f":{first.port}/" in third.stdout.readline()
    finally:
        third.kill()
        third.communicate()


def test_a_port_that_is_taken_is_said(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["studio", str(tmp_path), "--no-browser", "--port", str(port)]
        ended = subprocess.run(
            [sys.executable, "-m", "effigie", *arguments], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 2
    assert f"port {port} cannot be had" in ended.stderr


def test_what_it_keeps_is_the_owners_alone(tmp_path) -> None:
    workspace = Workspace.open(tmp_path / "new")
    assert stat.S_IMODE(workspace.private.stat().st_mode) == 0o700


def test_a_workspace_of_a_newer_effigie_is_refused(tmp_path) -> None:
    workspace = Workspace.open(tmp_path)
    (workspace.private / "studio.json").write_text(json.dumps({"version": 99}), "utf-8")
    with pytest.raises(UsageError, match="newer effigie"):
        Workspace.open(tmp_path)
    (workspace.private / "studio.json").write_text("{", "utf-8")
    with pytest.raises(EffigieError, match="damaged"):
        Workspace.open(tmp_path)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-o", "x" * 80, "a\n", "a\0", "ends."]
)
def test_names_of_outputs_cannot_lead_elsewhere(tmp_path, name: str) -> None:
    with pytest.raises(UsageError):
        Workspace.open(tmp_path).output("results", name, ".mp4")


def test_a_missing_media_folder_is_said(tmp_path) -> None:
    with pytest.raises(UsageError, match="--media"):
        Workspace.open(tmp_path, media=[tmp_path / "no"])
