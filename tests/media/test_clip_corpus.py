"""Tests of the corpus: every property of a clip comes out as it went in, or a note says why."""

from __future__ import annotations

import pytest
from clip_corpus import list_recipes
from corpus_check import carry


@pytest.mark.parametrize("recipe", list_recipes(), ids=lambda recipe: recipe.name)
def test_no_property_is_lost_in_silence(tmp_path, recipe):
    found = carry(tmp_path, recipe)
    assert not found.silent, (found.silent, found.notes)
    assert not found.unplanned, f"planned, and did not happen: {found.unplanned}"


def test_the_corpus_is_as_wide_as_promised():
    recipes = list_recipes()
    assert len(recipes) >= 120
    assert len({recipe.suffix for recipe in recipes}) >= 15
    assert len({recipe.codec for recipe in recipes}) >= 20
    assert len({sound.codec for recipe in recipes for sound in recipe.sounds}) >= 12
