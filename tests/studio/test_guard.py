"""Tests of the guard: strangers' requests are refused, and the studio stays alive."""

from __future__ import annotations

import http.client
import json
import random
import socket
import stat

import pytest
from running_studio import RunningStudio
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from effigie.studio.browser import write_opener
from effigie.studio.sessions import Sessions

STRANGERS = {
    "another host": (421, {"Host": "evil.example"}),
    "a name that was rebound to this machine": (
        421,
        {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
    ),
    "the right host, another port": (421, {"Host": "127.0.0.1:1"}),
    "the right host, no port": (421, {"Host": "127.0.0.1"}),
    "a host that only begins right": (421, {"Host": "127.0.0.1.evil.example:{port}"}),
    "no host": (400, {"Host": ""}),
    "a page of another site": (403, {"Origin": "http://evil.example"}),
    "another server of this machine": (403, {"Origin": "http://127.0.0.1:1"}),
    "a file or sandboxed frame": (403, {"Origin": "null"}),
    "a cross-site request": (403, {"Origin": "", "Sec-Fetch-Site": "cross-site"}),
    "another server's request by name": (403, {"Origin": "", "Sec-Fetch-Site": "same-site"}),
    "no cookie": (401, {"Cookie": ""}),
    "another cookie": (401, {"Cookie": "effigie_studio_{port}=guess"}),
    "a broken cookie": (401, {"Cookie": 'effigie_studio_{port}="\\'}),
    "the cookie under another port's name": (401, {"Cookie": "effigie_studio_1={secret}"}),
}
PATHS = ("/", "/api/library", "/static/studio.js", "/api/files/0123456789abcdef")


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_are_refused(studio: RunningStudio, who: str) -> None:
    code, changes = STRANGERS[who]
    known = {"port": studio.port, "secret": studio.cookie.partition("=")[2]}
    for path in PATHS:
        sent = {name: value.format(**known) for name, value in changes.items()}
        status, headers, body = studio.raw(
            "GET", path, studio.headers(**{k.replace("-", "_"): v for k, v in sent.items()})
        )
        assert status == code, (path, body)
        assert "access-control-allow-origin" not in headers
    assert studio.is_alive()


def test_the_studios_own_page_is_let_in(studio: RunningStudio) -> None:
    for host in (studio.host, f"localhost:{studio.port}"):
        for site in ("same-origin", "none", ""):
            origin = f"http://{host}" if site == "same-origin" else ""
            status, _ = studio.ask("GET", "/api/library", Host=host, Origin=origin, Sec_Fetch_Site=site)
            assert status == 200, (host, site)


def test_writing_needs_the_header_and_preflights_are_refused(studio: RunningStudio) -> None:
    job = {"key": "0123456789", "kind": "demo", "fields": {"minutes": 1}}
    assert studio.ask("POST", "/api/jobs", job, X_Effigie="")[0] == 403
    assert studio.ask("POST", "/api/jobs", job, X_Effigie="", Content_Type="text/plain")[0] == 403
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-effigie"}
    headers = {"Host": studio.host, "Origin": "http://evil.example", **preflight}
    status, answered, _ = studio.raw("OPTIONS", "/api/jobs", headers)
    assert status == 403
    assert not [name for name in answered if name.startswith("access-control")]


def test_every_answer_carries_the_headers(studio: RunningStudio) -> None:
    for path, cookie in (("/", studio.cookie), ("/api/library", studio.cookie), ("/api/library", "")):
        _, headers, _ = studio.raw("GET", path, studio.headers(Cookie=cookie))
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_a_token_works_once_and_becomes_a_strict_cookie(tmp_path) -> None:
    running = RunningStudio(tmp_path)
    try:
        status, headers, _ = running.raw(
            "GET", running.entrance, {"Host": running.host, "Sec-Fetch-Site": "cross-site"}
        )
        cookie = headers["set-cookie"]
        assert status == 200
        assert cookie.startswith(f"effigie_studio_{running.port}=")
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert running.entrance.partition("token=")[2] not in cookie
        assert running.raw("GET", running.entrance, {"Host": running.host})[0] == 401
        assert running.process.stdout is not None
        again = running.process.stdout.readline()  # a new address, for whoever sits at the terminal
        assert "/enter?token=" in again and again != running.line
        for token in ("", "x", "é", "\udcff", running.entrance[13:-1]):
            assert (
                running.raw("GET", f"/enter?token={token.encode('utf-8', 'replace').hex()}", {"Host": running.host})[0]
                == 401
            )
    finally:
        running.end()


def test_a_browser_that_loads_ahead_uses_no_token_up(tmp_path) -> None:
    running = RunningStudio(tmp_path)
    try:
        assert running.raw("GET", running.entrance, {"Host": running.host, "Sec-Purpose": "prefetch"})[0] == 401
        running.enter()
    finally:
        running.end()


def test_sessions_outlive_the_process_and_their_secrets_are_not_written(tmp_path) -> None:
    path = tmp_path / "sessions.json"
    sessions = Sessions(path)
    secret = sessions.redeem(sessions.issue_token())
    assert secret is not None
    assert Sessions(path).is_valid(secret)
    assert not Sessions(path).is_valid(secret[:-1])
    assert secret not in path.read_text("utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("[1, {", "utf-8")
    assert not Sessions(path).is_valid(secret)


def test_the_browser_is_opened_through_a_private_file(tmp_path) -> None:
    path = tmp_path / "open.html"
    write_opener(path, 'http://127.0.0.1:1/enter?token=a"<b')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert 'token=a"<b' not in path.read_text("utf-8")


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1"])
def test_sockets_of_strangers_are_refused(studio: RunningStudio, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{studio.host}/api/live", origin=origin, additional_headers={"Cookie": studio.cookie})  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        connect(f"ws://{studio.host}/api/live", origin=f"http://{studio.host}")  # type: ignore[arg-type]
    assert studio.is_alive()


def test_a_thousand_fuzzed_messages_harm_nothing(studio: RunningStudio) -> None:
    chance = random.Random(7)
    good = {"seq": 1, "n": 0, "width": 640, "clips": ["0123456789abcdef"]}
    odd = [None, True, -1, 1e300, 2**70, "", "x" * 4000, [], {}, [[]] * 50, {"a": {}}, "../../etc/passwd", "\x00", 0.5]
    with studio.connect() as live:
        for number in range(1000):
            kind = number % 5
            if kind == 0:
                live.send(chance.randbytes(chance.randrange(2000)))
            elif kind == 1:
                live.send("".join(map(chr, (chance.randrange(32, 0x2FFF) for _ in range(chance.randrange(500))))))
            elif kind == 2:
                live.send(json.dumps(good | {chance.choice(list(good)): chance.choice(odd)}))
            elif kind == 3:
                text = json.dumps(good)
                cut = chance.randrange(len(text))
                live.send(text[:cut] + chr(chance.randrange(128)) + text[cut + chance.randrange(3) :])
            else:
                live.send("[" * chance.randrange(1, 20000))
        live.send(json.dumps(good | {"seq": 424242}))
        while True:  # it still answers, and in JSON
            found = json.loads(live.recv(timeout=60))
            if found["kind"] == "no-frame" and found["value"]["seq"] == 424242:
                break
    assert studio.is_alive()


def test_an_oversized_message_ends_the_connection_only(studio: RunningStudio) -> None:
    with studio.connect() as live, pytest.raises(ConnectionClosed):
        live.send("x" * (1 << 20))
        while True:
            live.recv(timeout=60)
    assert studio.is_alive()


def test_malformed_frames_end_the_connection_only(studio: RunningStudio) -> None:
    for broken in (b"\xff" * 50, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x83\x00", b"\xc1\x80abcd", b"\x00"):
        with socket.create_connection(("127.0.0.1", studio.port), timeout=60) as raw:
            lines = [
                "GET /api/live HTTP/1.1",
                f"Host: {studio.host}",
                f"Origin: http://{studio.host}",
                f"Cookie: {studio.cookie}",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ]
            raw.sendall("\r\n".join([*lines, "", ""]).encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 101")
            raw.sendall(broken)
    assert studio.is_alive()


def test_oversized_and_odd_requests_are_refused(studio: RunningStudio) -> None:
    assert studio.ask("POST", "/api/jobs", b"[" * 100_000)[0] == 400
    assert studio.ask("POST", "/api/jobs", b"[" * 60_000)[0] == 400
    assert studio.ask("POST", "/api/jobs", b"\xff\xfe{}")[0] == 400
    assert studio.ask("POST", "/api/jobs", {"key": "x" * 8, "kind": "demo", "fields": []})[0] == 400
    assert studio.ask("POST", "/api/jobs", {"key": "x" * 8, "kind": "no", "fields": {}})[0] == 400
    assert studio.ask("GET", "/api/files/" + "a" * 3000)[0] == 414
    with pytest.raises((http.client.HTTPException, OSError)):
        status, _, _ = studio.raw("GET", "/", studio.headers(Cookie="a=" + "b" * 200_000))
        assert status >= 400
        raise http.client.HTTPException
    assert studio.is_alive()
