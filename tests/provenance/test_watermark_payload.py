"""Tests of the payload: every id is decoded, through strong noise, and noise alone decodes to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effigie.errors import UsageError
from effigie.provenance.watermark.payload import (
    FREE_BITS,
    ID_BITS,
    SYMBOL_COUNT,
    crc8,
    decode,
    encode,
    encode_into,
    read_free_bits,
)

ids = st.integers(0, 2**ID_BITS - 1)
free_bits = st.integers(0, 2**FREE_BITS - 1)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(UNHURRIED, max_examples=8)
@given(output_id=ids, free=free_bits)
def test_every_codeword_gives_its_id(output_id: int, free: int) -> None:
    symbols = encode(output_id, free)
    assert symbols.shape == (SYMBOL_COUNT,) and set(np.unique(symbols)) == {-1.0, 1.0}
    found = decode(3.7 * symbols)
    assert found is not None and found[0] == output_id
    assert np.array_equal(found[1], symbols)
    assert read_free_bits(symbols) == free


@settings(UNHURRIED, max_examples=6)
@given(output_id=ids, free=free_bits, seed=st.integers(0, 2**32 - 1))
def test_an_id_survives_noise_that_flips_a_third_of_the_symbols(output_id: int, free: int, seed: int) -> None:
    symbols = encode(output_id, free)
    evidence = 0.44 * symbols + np.random.default_rng(seed).normal(size=SYMBOL_COUNT)
    assert np.mean(np.sign(evidence) != symbols) > 0.25
    found = decode(evidence)
    assert found is not None and found[0] == output_id


@settings(UNHURRIED, max_examples=10)
@given(one=ids, bit=st.integers(0, ID_BITS - 1), free=free_bits)
def test_ids_that_differ_in_a_bit_have_codewords_far_apart(one: int, bit: int, free: int) -> None:
    differing = int(np.sum(encode(one, free) != encode(one ^ (1 << bit), free)))
    assert differing >= 160


@settings(UNHURRIED, max_examples=10)
@given(output_id=ids, seed=st.integers(0, 2**32 - 1))
def test_of_its_codewords_an_id_takes_one_that_the_evidence_speaks_for(output_id: int, seed: int) -> None:
    evidence = np.random.default_rng(seed).normal(size=SYMBOL_COUNT)
    symbols = encode_into(output_id, evidence)
    found = decode(symbols)
    assert found is not None and found[0] == output_id
    few = [float(encode(output_id, free) @ evidence) for free in range(0, 2**FREE_BITS, 157)]
    assert float(symbols @ evidence) >= max(few)


def test_noise_decodes_to_nothing_that_agrees_as_a_mark_would() -> None:
    from effigie.provenance.watermark.belief import WHOLE

    random = np.random.default_rng(5)
    agreements = []
    for _ in range(30):
        evidence = random.normal(size=SYMBOL_COUNT)
        found = decode(evidence)
        if found is not None:
            agreements.append(float(found[1] @ evidence / np.linalg.norm(evidence)))
    assert max(agreements, default=0.0) < WHOLE.least - 1


def test_the_checksum_is_the_published_one() -> None:
    # CRC-8, polynomial 0x07, start 0xFF ("CRC-8/ROHC" without reflection) of the digits 1 to 9.
    bits = np.unpackbits(np.frombuffer(b"123456789", np.uint8))
    register = 0xFF
    for byte in b"123456789":
        register ^= byte
        for _ in range(8):
            register = (register << 1 ^ 0x07) & 0xFF if register & 0x80 else register << 1
    assert crc8(bits) == register == 0xFB


@pytest.mark.parametrize("wrong", [-1, 2**ID_BITS])
def test_what_is_no_id_is_refused(wrong: int) -> None:
    with pytest.raises(UsageError, match="no output id"):
        encode(wrong)


def test_free_bits_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="free bits"):
        encode(0, 2**FREE_BITS)
