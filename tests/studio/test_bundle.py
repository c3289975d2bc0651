"""Tests of the page's bundle: small, self-contained, and made of the sources that lie beside it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from effigie import studio

FOLDER = Path(studio.__file__).parent
BUNDLE, WEB = FOLDER / "bundle", FOLDER / "web"
MAX_GZIP_BYTES = 80_000
MAX_BUILD_S = 120


def test_the_bundle_is_small_and_asks_nobody_else() -> None:
    files = sorted(BUNDLE.iterdir())
    assert [path.name for path in files] == ["index.html", "studio.js", "style.css"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= MAX_GZIP_BYTES
    for path in files:
        text = path.read_text("utf-8")
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)) - {"http://www.w3.org", "https://www.w3.org"}
        assert not addresses, path.name
        assert "eval(" not in text and "new Function" not in text


def test_the_lock_file_names_no_registry() -> None:
    lock = (WEB / "package-lock.json").read_text("utf-8")
    assert "://" not in re.sub(r'"(?:url|homepage)": "[^"]*"', "", lock)
    assert json.loads(lock)["packages"]["node_modules/preact"]["integrity"].startswith("sha512-")


def test_the_bundle_is_that_of_the_sources(tmp_path) -> None:
    node = shutil.which("node")
    if node is None or not (WEB / "node_modules" / "esbuild").is_dir():
        pytest.skip("no node, or no node_modules: `make studio` builds the page's bundle")
    subprocess.run(
        [node, "build.mjs", str(tmp_path)], cwd=WEB, check=True, stdin=subprocess.DEVNULL, timeout=MAX_BUILD_S
    )
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (BUNDLE / path.name).read_bytes(), f"{path.name} differs: run `make studio`"


def test_the_types_are_right() -> None:
    node = shutil.which("node")
    compiler = WEB / "node_modules" / ".bin" / "tsc"
    if node is None or not compiler.exists():
        pytest.skip("no node, or no node_modules: `make studio` installs the compiler")
    ended = subprocess.run(
        [str(compiler), "--noEmit"], cwd=WEB, capture_output=True, text=True, check=False, timeout=MAX_BUILD_S
    )
    assert ended.returncode == 0, ended.stdout
