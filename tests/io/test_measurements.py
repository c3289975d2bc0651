"""Tests of measurements that are made once and kept."""

from __future__ import annotations

import os
import sys

import pytest

from effigie.io import measurements
from effigie.io.measurements import MAX_FILES, cache_root, measure_once


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EFFIGIE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def is_number(value):
    return value > 0


def test_what_was_measured_is_not_measured_again(cache, monkeypatch):
    calls = []

    def measure():
        calls.append(len(calls))
        return 1.5

    assert [measure_once("speed", "here", measure, is_number) for _ in range(3)] == [1.5] * 3
    assert calls == [0]
    assert cache_root() == cache
    measure_once("speed", "elsewhere", measure, is_number)
    assert len(calls) == 2
    monkeypatch.setattr(measurements, "_describe_code", lambda: "other code")
    measure_once("speed", "here", measure, is_number)
    assert len(calls) == 3


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"value": -1}', '{"value": "x"}', "[" * 100_000])
def test_damage_is_measured_again(cache, text):
    measure_once("speed", "here", lambda: 2, is_number)
    (path,) = (cache / "speed").iterdir()
    path.write_text(text)
    assert measure_once("speed", "here", lambda: 3, is_number) == 3
    assert measure_once("speed", "here", lambda: 4, is_number) == 3


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="permissions")
def test_a_cache_that_cannot_be_written_costs_nothing_but_time(cache):
    cache.mkdir(mode=0o500)
    assert measure_once("speed", "here", lambda: 2, is_number) == 2


def test_a_file_in_the_place_of_the_cache_costs_nothing_but_time(cache):
    cache.write_text("no folder")
    assert measure_once("speed", "here", lambda: 2, is_number) == 2


def test_the_oldest_go(cache, monkeypatch):
    monkeypatch.setattr(measurements, "MAX_FILES", 3)
    for number in range(6):
        measure_once("speed", str(number), lambda: 2, is_number)
    assert len(list((cache / "speed").iterdir())) == 3
    assert MAX_FILES > 3
