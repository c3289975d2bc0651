"""Tests of the Protocol Buffers reader: round trip, damage is reported, nothing hangs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effigie.io.protobuf import decode_varint, encode_bytes_field, encode_varint, iterate_fields, iterate_submessages

NUMBERS = st.integers(1, 2**29 - 1)
FIELD = st.one_of(
    st.tuples(NUMBERS, st.integers(0, 2**64 - 1)),
    st.tuples(NUMBERS, st.binary(max_size=200)),
    st.tuples(NUMBERS, st.binary(min_size=4, max_size=4), st.just(5)),
    st.tuples(NUMBERS, st.binary(min_size=8, max_size=8), st.just(1)),
)


def encoded(number, value, kind=None):
    if kind is not None:
        return encode_varint(number << 3 | kind) + value
    if isinstance(value, int):
        return encode_varint(number << 3) + encode_varint(value)
    return encode_bytes_field(number, value)


@given(st.integers(0, 2**64 - 1), st.binary(max_size=8))
def test_varint_round_trip(value, rest):
    data = encode_varint(value)
    assert decode_varint(data + rest, 0) == (value, len(data))


@given(st.lists(FIELD, max_size=20))
def test_fields_round_trip(wanted):
    pieces = [encoded(*field) for field in wanted]
    found = list(iterate_fields(b"".join(pieces)))
    assert [(number, value) for number, value, _ in found] == [field[:2] for field in wanted]
    assert [raw for _, _, raw in found] == pieces


@given(st.lists(FIELD, min_size=1, max_size=5), st.data())
def test_a_message_cut_short_is_refused_or_ends_between_fields(wanted, data):
    pieces = [encoded(*field) for field in wanted]
    message = b"".join(pieces)
    cut = data.draw(st.integers(0, len(message) - 1))
    edges = [len(b"".join(pieces[:i])) for i in range(len(pieces))]
    if cut in edges:
        assert len(list(iterate_fields(message[:cut]))) == edges.index(cut)
    else:
        with pytest.raises((ValueError, IndexError)):
            list(iterate_fields(message[:cut]))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    try:
        found = list(iterate_fields(data))
    except (ValueError, IndexError):
        return
    assert b"".join(raw for _, _, raw in found) == data


def test_endless_and_unknown_are_refused():
    with pytest.raises(ValueError, match="64 bits"):
        decode_varint(b"\xff" * 12, 0)
    with pytest.raises(ValueError, match="wire type"):
        list(iterate_fields(encode_varint(1 << 3 | 3)))


def test_children_takes_only_its_field():
    message = encode_bytes_field(2, b"a") + encoded(2, 7) + encode_bytes_field(3, b"b") + encode_bytes_field(2, b"c")
    assert list(iterate_submessages(message, 2)) == [b"a", b"c"]
