"""Tests of old names: they raise an error with the new name, and every new name exists."""

import importlib
import subprocess
import sys

import pytest

import effigie
from effigie import _renamed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("effigie.trust.gate", "effigie.consent.gate"),
        ("effigie.files", "effigie.io.atomic_write"),
        ("effigie.scale.ray_engine", "effigie.execution.ray"),
        ("effigie.compose", "effigie.compositing"),
        ("effigie.cleaning", "effigie.faceset.review"),
    ],
)
def test_an_old_module_names_the_new_one(old, new):
    with pytest.raises(ImportError, match=rf"^{old} is now {new}$"):
        importlib.import_module(old)


def test_an_old_name_names_the_new_one():
    with pytest.raises(AttributeError, match=r"effigie\.load is now effigie\.load_swap"):
        _ = effigie.load
    with pytest.raises(AttributeError, match=r"effigie\.swap\.convert"):
        _ = effigie.swap.convert_clip
    with pytest.raises(ImportError, match=r"effigie\.media\.VideoReader"):
        exec("from effigie.media import Reader")
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        importlib.import_module("effigie.nonsense")


def test_every_new_name_exists():
    for new in set(_renamed._new_names().values()):
        if new.startswith("effigie.") and " " not in new:
            package, _, name = new.rpartition(".")
            if not hasattr(importlib.import_module(package), name):
                importlib.import_module(new)


def test_the_table_is_not_read_by_an_ordinary_import():
    program = "import effigie, effigie._renamed as r; print(r._new_names.cache_info().misses)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "0"
