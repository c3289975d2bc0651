"""A studio in a process of its own, and a page's way of talking to it, for the studio's tests."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.sync.client import connect


class RunningStudio:
    """A studio in a process of its own; requests carry what a page's would, unless a test says otherwise."""

    def __init__(
        self, workspace: Path, *options: str, port: int = 0, program: Sequence[str] = ("-m", "effigie")
    ) -> None:
        arguments = ["studio", str(workspace), "--no-browser", "--port", str(port), *options]
        self.workspace = workspace
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.seconds = time.monotonic() - begun
        found = re.fullmatch(r"effigie studio: http://127\.0\.0\.1:(\d+)(/enter\?token=\S+)\n", self.line)
        assert found is not None, self.line + (self.process.stderr.read() if self.process.stderr else "")
        self.port, self.entrance = int(found[1]), found[2]
        self.cookie = ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def enter(self) -> None:
        """Use the token; later requests carry the cookie."""
        status, headers, _ = self.raw("GET", self.entrance, {"Host": self.host})
        assert status == 200
        self.cookie = headers["set-cookie"].split(";")[0]

    def raw(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """A request with these headers and no others."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None and "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        found = (response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return found

    def headers(self, **changes: str) -> dict[str, str]:
        """What a page sends; a header changed to nothing is left out."""
        sent = {"Host": self.host, "Cookie": self.cookie, "Origin": f"http://{self.host}", "X-Effigie": "1"}
        sent |= {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in sent.items() if value}

    def ask(self, method: str, path: str, value: Any = None, **changes: str) -> tuple[int, Any]:
        """Send JSON and read JSON, as a page does."""
        body = None if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
        status, headers, answer = self.raw(method, path, self.headers(**changes), body)
        return status, json.loads(answer) if headers.get("content-type") == "application/json" else answer

    def start_job(self, kind: str, fields: dict[str, Any], key: str | None = None) -> tuple[int, Any]:
        return self.ask("POST", "/api/jobs", {"key": key or os.urandom(8).hex(), "kind": kind, "fields": fields})

    def upload(self, name: str, data: bytes) -> str:
        """Copy a file into the workspace's clips; returns its id."""
        status, answer = self.ask("PUT", f"/api/uploads/clips?name={quote(name)}", data)
        assert status == 200, answer
        return answer["id"]

    def connect(self) -> Any:
        """A page's socket."""
        headers = {"Cookie": self.cookie}
        return connect(f"ws://{self.host}/api/live", origin=f"http://{self.host}", additional_headers=headers)

    def is_alive(self) -> bool:
        return self.process.poll() is None and self.ask("GET", "/api/library")[0] == 200

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
