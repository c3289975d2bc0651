"""The studio's process: holds the workspace, serves the page on 127.0.0.1, and says where in one line."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from effigie.errors import CancelledError, UsageError
from effigie.studio.app import create_app
from effigie.studio.browser import open_browser
from effigie.studio.sessions import Sessions
from effigie.studio.workspace import Workspace

HOST = "127.0.0.1"
MAX_MESSAGE_BYTES = 1 << 19  # a project with hundreds of shots is sent whole
"""Of a message over the socket; a larger one ends the connection."""
MAX_CONNECTIONS = 128


def run_studio(
    workspace: str | Path = ".",
    port: int | None = None,
    *,
    media: Sequence[str | Path] = (),
    browser: bool = True,
    on_address: Callable[[str], None] = print,
) -> None:
    """Serve a workspace until Ctrl-C or a polite kill. Running jobs go on; the studio finds them again.

    Args:
        workspace: a folder; a new one is made.
        port: 0 takes any free port; None the one that it had last, so that open pages find it again, if it is free.
        media: more folders whose clips may be picked without a copy.
        browser: whether to open the page.
        on_address: called with one line that holds the address, when the page can be loaded; and again with a new
            address when somebody comes without a session.

    Raises:
        UsageError: the workspace is none, or the port is taken.
        OutputLockedError: another studio has the workspace open.
    """
    studio_workspace = Workspace.open(workspace, media)
    with studio_workspace.lock(), _listen(port, studio_workspace.read_port()) as listener:
        number = int(listener.getsockname()[1])
        studio_workspace.write_port(number)
        sessions = Sessions(studio_workspace.private / "sessions.json")

        def make_address() -> str:
            return f"http://{HOST}:{number}/enter?token={sessions.issue_token()}"

        def announce() -> None:
            on_address(f"effigie studio: {make_address()}")

        app = create_app(studio_workspace, sessions, number, announce)
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=2,
        )
        announce()
        if browser:
            open_browser(studio_workspace.private / "open.html", make_address())
        with contextlib.suppress(CancelledError):
            uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _listen(port: int | None, last: int | None) -> Iterator[socket.socket]:
    """A listening socket on 127.0.0.1."""
    if port is not None and not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port: choose one between 1024 and 65535, or 0 for any")
    ports = [last or 0, 0] if port is None else [port]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for number in ports:
            try:
                listener.bind((HOST, number))
                break
            except OSError as error:
                if number == ports[-1] or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise UsageError(
                        f"port {number} cannot be had ({error.strerror}): choose another with --port, or 0 for any"
                    ) from error
        listener.listen(MAX_CONNECTIONS)
        yield listener
