"""Tests of the canonical bytes of records: one spelling only, and every change is detected."""

from __future__ import annotations

import json

import numpy as np
import pytest
from consent_making import asked, directions, fields, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effigie.consent.canonical import canonical_json, pack_vectors, parse_document, unpack_bytes, unpack_vectors
from effigie.consent.record import Consent, ConsentRequest, Revocation, grant, revoke
from effigie.consent.terms import Terms
from effigie.errors import ConsentError, RefusedError, UsageError

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@settings(UNHURRIED)
@given(VALUES)
def test_canonical_is_json_and_stays_itself(value):
    data = canonical_json(value)
    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data


@pytest.mark.slow
@settings(UNHURRIED)
@given(st.dictionaries(WORDS, VALUES, max_size=5), st.randoms())
def test_canonical_does_not_depend_on_order(value, random):
    keys = list(value)
    random.shuffle(keys)
    assert canonical_json({name: value[name] for name in keys}) == canonical_json(value)


@settings(UNHURRIED)
@given(VALUES, VALUES)
def test_different_values_have_different_bytes(one, two):
    assert (canonical_json(one) == canonical_json(two)) == (repr_of(one) == repr_of(two))


def repr_of(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("value", [1.0, float("nan"), {1: 2}, {"a": [0.5]}, b"bytes", "\ud800", {"\udfff": 1}])
def test_canonical_refuses_what_has_no_one_form(value):
    with pytest.raises(ValueError):
        canonical_json(value)


def test_canonical_refuses_depth():
    value: list = []
    for _ in range(40):
        value = [value]
    with pytest.raises(ValueError, match="deep"):
        canonical_json(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"format":"k","version":1,"a":1.0}',
        '{"format":"k","version":1,"a":NaN}',
        '{"format":"k","version":1,"a":1,"a":2}',
        '{"version":1,"format":"k"}\n',  # keys not sorted
        '{"format": "k","version":1}\n',
        '{"format":"k","version":1}',  # no line feed
        '{"format":"\\u006b","version":1}\n',  # an escape that is not needed
        '{"format":"k","version":true}\n',
        '{"format":"k","version":0}\n',
        '{"format":"k"}\n',
        '{"version":1}\n',
        "[]\n",
        "",
        '"k"\n',
        "[" * 100_000,
        '{"a":' * 5000,
        '{"format":"k","version":' + "9" * 10_000 + "}\n",
        '{"format":"k","version":1,"z":"\\ud800"}\n',
    ],
)
def test_documents_in_another_spelling_are_refused(text):
    with pytest.raises(ConsentError, match=r"damaged|version"):
        parse_document(text.encode(), "k", "file")


def test_documents_of_another_kind_or_time_say_so():
    with pytest.raises(ConsentError, match="is no record"):
        parse_document(b'{"format":"something","version":1}\n', "effigie record", "file")
    with pytest.raises(ConsentError, match="update effigie"):
        parse_document(b'{"format":"k","version":2}\n', "k", "file")
    with pytest.raises(ConsentError, match="damaged"):
        parse_document(b"\xff\xfe", "k", "file")


@settings(UNHURRIED)
@given(st.binary(max_size=40))
def test_any_bytes_are_refused_in_one_line(data):
    with pytest.raises(ConsentError) as caught:
        parse_document(data, "k", "file")
    assert "\n" not in str(caught.value)


def test_base64_has_one_spelling():
    assert unpack_bytes("QQ==") == b"A"
    for other_spelling in ("QR==", "QQ", "QQ==\n", " QQ==", "Q-==", "QQ=Q"):
        with pytest.raises(ValueError):
            unpack_bytes(other_spelling)


@settings(UNHURRIED)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_vectors_come_back_as_they_were(count, seed):
    vectors = directions(count, seed)
    back = unpack_vectors(pack_vectors(vectors), 128)
    assert back.dtype == np.float32
    assert np.array_equal(back, vectors)


def test_a_record_comes_back_as_it_was(key, tmp_path):
    record = made(key)
    record.save(tmp_path / "r.json")
    back = Consent.load(tmp_path / "r.json")
    assert back.to_bytes() == record.to_bytes() == (tmp_path / "r.json").read_bytes()
    assert back.id == record.id and len(back.id) == 18
    assert np.array_equal(back.embeddings, record.embeddings)
    with pytest.raises(ValueError):
        back.embeddings[0, 0] = 1  # what was signed cannot be changed in memory either


@pytest.mark.slow
@settings(UNHURRIED, max_examples=200)
@given(data=st.data())
def test_any_changed_byte_is_refused(key, data):
    whole = RECORD.setdefault("bytes", made(key).to_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    with pytest.raises(RefusedError):
        Consent.from_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :], "file")


@pytest.mark.slow
@settings(UNHURRIED, max_examples=100)
@given(data=st.data())
def test_any_cut_or_addition_is_refused(key, data):
    whole = RECORD.setdefault("bytes", made(key).to_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    added = data.draw(st.binary(min_size=1, max_size=4))
    for changed in (whole[:at], whole[at:] if at else whole[1:], whole[:at] + added + whole[at:], whole + added):
        with pytest.raises(RefusedError):
            Consent.from_bytes(changed, "file")


RECORD: dict[str, bytes] = {}


def leaves(value, path=()):
    """Every path to a value in a document."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from leaves(value[name], (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))


@pytest.mark.slow
@settings(UNHURRIED, max_examples=120)
@given(data=st.data())
def test_any_changed_field_is_refused(key, other, data):
    record = GRANTED.setdefault("record", grant(asked(key), other))
    document = json.loads(record.to_bytes())
    path = data.draw(st.sampled_from([path for path in leaves(document) if path]))
    inside = document
    for step in path[:-1]:
        inside = inside[step]
    old = inside[path[-1]]
    new = data.draw(VALUES.filter(lambda value: repr_of(value) != repr_of(old)))
    if data.draw(st.booleans()):
        inside[path[-1]] = new
    else:
        del inside[path[-1]]
    with pytest.raises(RefusedError):
        Consent.from_bytes(canonical_json(document) + b"\n", "file")


GRANTED: dict[str, Consent] = {}


def test_a_signature_cannot_be_used_for_anything_else(key, other):
    record, request = grant(asked(key), other), asked(key)
    document = json.loads(record.to_bytes())
    operator, subject = document["signatures"]
    swapped = [subject | {"role": "operator"}, operator | {"role": "subject"}]
    for signatures in (
        [operator],
        [subject, operator],
        [operator, operator],
        swapped,
        [],
        [operator, subject, subject],
    ):
        with pytest.raises(ConsentError):
            Consent.from_bytes(canonical_json(document | {"signatures": signatures}) + b"\n", "file")
    # A request is not a record, whatever it calls itself.
    asked_document = json.loads(request.to_bytes())
    with pytest.raises(ConsentError):
        Consent.from_bytes(canonical_json(asked_document | {"format": "effigie consent record"}) + b"\n", "file")
    with pytest.raises(ConsentError):
        ConsentRequest.from_bytes(record.to_bytes(), "file")
    with pytest.raises(ConsentError):
        Consent(**fields(), signatures=record.signatures)


def test_a_granted_record_bears_two_people_s_signatures(key, other):
    record = grant(asked(key), other)
    assert [signature.role for signature in record.signatures] == ["operator", "subject"]
    assert record.strength == "granted"
    assert record.id == asked(key).id or record.id.startswith("c-")
    with pytest.raises(ConsentError, match="own machine"):
        grant(asked(key), key)


def test_only_who_signed_can_revoke(key, other, tmp_path):
    record, attested = grant(asked(key), other), made(key)
    for signer in (key, other):
        revocation = revoke(record, signer, "no more")
        revocation.save(tmp_path / "x.json", replace=True)
        back = Revocation.load(tmp_path / "x.json")
        assert back.revokes(record) and not back.revokes(attested)
        assert (back.reason, back.consent) == ("no more", record.id)
    with pytest.raises(ConsentError, match="not signed with"):
        revoke(attested, other, "no more")


@pytest.mark.slow
@settings(UNHURRIED, max_examples=150)
@given(data=st.data())
def test_a_revocation_cannot_be_edited(key, tmp_path, data):
    whole = REVOKED.setdefault("bytes", revoke(made(key), key, "no more").to_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    (tmp_path / "x.json").write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    with pytest.raises(RefusedError):
        Revocation.load(tmp_path / "x.json")


REVOKED: dict[str, bytes] = {}


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": " "},
        {"subject": "x" * 201},
        {"subject": "Anna\x1b[2J"},
        {"subject": "two\nlines"},
        {"uses": ()},
        {"uses": ("clone",)},
        {"uses": ("animate", "swap")},
        {"uses": ("swap", "swap")},
        {"strength": "surely"},
        {"until": fields()["begins"].replace(year=2025)},
        {"embeddings": directions(9)},
        {"embeddings": np.zeros((1, 128), np.float32)},
        {"embeddings": np.full((1, 128), np.nan, np.float32)},
        {"embeddings": directions(2)[:, :64]},
        {"embeddings": 2 * directions(1)},
        {"basis": "x" * 3000},
        {"evidence": fields()["evidence"] * 101},
    ],
)
def test_terms_that_cannot_be_are_refused(changed):
    with pytest.raises(UsageError):
        Terms(**fields(**changed))
