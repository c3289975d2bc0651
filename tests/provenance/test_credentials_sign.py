"""Tests of signed files: intact, readable by other programs, with the right claims."""

from __future__ import annotations

import dataclasses
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import c2pa
import numpy as np
import pytest
from credential_files import CLAIM, KINDS, assertions, decoded, independent, make

import effigie
from effigie.errors import EffigieError, UsageError
from effigie.provenance.c2pa.containers import sidecar_path, supports_embedding
from effigie.provenance.c2pa.credentials import Claim, sign_file, sign_sidecar
from effigie.provenance.c2pa.reader import read_credentials


@pytest.fixture(autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EFFIGIE_HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("EFFIGIE_CERTIFICATE", "EFFIGIE_KEY", "EFFIGIE_TRUST_ANCHORS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def contacted() -> Iterator[tuple[str, list[str]]]:
    """A web server without useful answers, and the requests that it got."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/stamp", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_valid_for_an_independent_reader(tmp_path: Path, kind: str) -> None:
    source, clip = make(tmp_path / f"in.{kind}"), make(tmp_path / "clip.mp4", seed=9)
    signed = tmp_path / f"out.{kind}"
    sign_file(source, signed, dataclasses.replace(CLAIM, ingredients=(clip,)))

    store = independent(signed)
    assert store["validation_state"] == "Valid"  # it does not know our authority
    said = assertions(store)
    opened, edited = said["c2pa.actions.v2"]["actions"]
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert "c2pa.ingredient.v3" in opened["parameters"]["ingredients"][0]["url"]
    assert edited["softwareAgent"] == {"name": "effigie", "version": effigie.__version__}
    assert edited["digitalSourceType"] == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    )
    assert said["org.effigie.output"]["output_id"] == CLAIM.output_id
    assert said["org.effigie.output"]["consents"] == list(CLAIM.consents)
    assert said["org.effigie.output"]["model_sha256"] == CLAIM.model_hash
    assert said["org.effigie.output"]["command"] == "convert"
    assert said["org.effigie.output"]["version"] == effigie.__version__
    assert said["c2pa.soft-binding"]["blocks"][0]["value"] == CLAIM.output_id
    training = said["cawg.training-mining"]["entries"]["cawg.ai_generative_training"]
    assert training["use"] == "notAllowed"

    state = read_credentials(signed)
    assert state.state == "trusted" and state.is_effigie_output and not state.problems
    assert (state.output_id, state.consents, state.model_hash) == (CLAIM.output_id, CLAIM.consents, CLAIM.model_hash)
    assert state.source_types == ("compositeWithTrainedAlgorithmicMedia",)
    assert state.actions == ("c2pa.opened", "c2pa.edited")
    assert [(i.title, i.relationship, i.state) for i in state.ingredients] == [("clip.mp4", "parentOf", "absent")]


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_sound_stay_as_they_were(tmp_path: Path, kind: str) -> None:
    source, signed = make(tmp_path / f"in.{kind}"), tmp_path / f"out.{kind}"
    sign_file(source, signed, CLAIM)
    before, after = decoded(source), decoded(signed)
    assert len(before) == len(after)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_what_was_made_from_nothing_was_created(tmp_path: Path) -> None:
    source, signed = make(tmp_path / "in.png"), tmp_path / "out.png"
    sign_file(source, signed, dataclasses.replace(CLAIM, watermarked=False))
    said = assertions(independent(signed))
    assert [action["action"] for action in said["c2pa.actions.v2"]["actions"]] == ["c2pa.created"]
    assert "c2pa.soft-binding" not in said
    assert read_credentials(signed).mark is None


def test_signing_again_replaces_what_a_file_said(tmp_path: Path) -> None:
    source, once, twice = make(tmp_path / "in.mp4"), tmp_path / "once.mp4", tmp_path / "twice.mp4"
    sign_file(source, once, CLAIM)
    sign_file(once, twice, dataclasses.replace(CLAIM, output_id="0123456789ab"))
    state = read_credentials(twice)
    assert (state.state, state.output_id) == ("trusted", "0123456789ab")


def test_a_name_of_any_script_and_case(tmp_path: Path) -> None:
    source, signed = make(tmp_path / "in.mp4"), tmp_path / "Ünïcode 映画.MP4"
    sign_file(source, signed, dataclasses.replace(CLAIM, title=signed.name))
    assert supports_embedding(signed) and read_credentials(signed).state == "trusted"
    assert independent(signed)["manifests"]


@pytest.mark.slow
def test_a_format_without_room_has_its_credentials_beside_it(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv")
    before = clip.read_bytes()
    assert not supports_embedding(clip)
    with pytest.raises(UsageError, match="holds no credentials"):
        sign_file(clip, tmp_path / "out.mkv", CLAIM)
    sidecar = sign_sidecar(clip, CLAIM)
    assert sidecar == sidecar_path(clip) == tmp_path / "clip.c2pa" and clip.read_bytes() == before
    assert independent(clip, sidecar.read_bytes())["validation_state"] == "Valid"
    assert read_credentials(clip).state == "trusted"
    for position in range(0, len(before), 97):
        data = bytearray(before)
        data[position] ^= 4
        clip.write_bytes(data)
        assert read_credentials(clip).state == "broken", position
    clip.write_bytes(before)
    manifest = sidecar.read_bytes()
    for position in range(0, len(manifest), 97):
        data = bytearray(manifest)
        data[position] ^= 4
        sidecar.write_bytes(data)
        assert read_credentials(clip).state == "broken", position
    sidecar.unlink()
    assert read_credentials(clip).state == "absent"


def test_nobody_is_contacted_unless_asked(tmp_path: Path, contacted: tuple[str, list[str]]) -> None:
    url, asked = contacted
    source, signed = make(tmp_path / "in.jpg"), tmp_path / "out.jpg"
    sign_file(source, signed, CLAIM)
    read_credentials(signed)
    # A file that says that its manifest lies on the web.
    elsewhere = tmp_path / "elsewhere.jpg"
    manifest = {"claim_generator_info": [{"name": "test"}], "format": "image/jpeg", "assertions": []}
    identity = effigie_identity()
    with c2pa.Builder(manifest) as builder, identity as signer:
        builder.set_intent(c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CREATION)
        builder.set_no_embed()
        builder.set_remote_url(url)
        with source.open("rb") as stream, elsewhere.open("w+b") as written:
            builder.sign(signer, "image/jpeg", stream, written)
    state = read_credentials(elsewhere)
    assert state.state == "absent" and "127.0.0.1" in " ".join(state.problems)
    sign_file(source, signed, dataclasses.replace(CLAIM, ingredients=(elsewhere,)))
    assert asked == []
    with pytest.raises(EffigieError, match="no time stamp"):
        sign_file(source, tmp_path / "stamped.jpg", CLAIM, tsa_url=url)
    assert asked == ["/stamp"]
    assert not (tmp_path / "stamped.jpg").exists()


def effigie_identity() -> c2pa.Signer:
    """The local certificate, for the library itself."""
    from effigie.provenance.c2pa.certificate import local_identity

    identity = local_identity()
    return c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(
            identity.alg, identity.certificate_chain_pem.encode(), identity.private_key_pem.encode(), None
        )
    )


def test_what_cannot_be_signed_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="12 hex digits"):
        Claim("XYZ", "convert")
    with pytest.raises(EffigieError, match="not a file"):
        sign_file(tmp_path / "missing.mp4", tmp_path / "out.mp4", CLAIM)
    for name in ("noise.mp4", "noise.png", "noise.jpg", "empty.mp4"):
        path = tmp_path / name
        path.write_bytes(b"" if name.startswith("empty") else bytes(range(256)) * 8)
        with pytest.raises(EffigieError, match="cannot sign"):
            sign_file(path, tmp_path / f"out{path.suffix}", CLAIM)
    assert not list(tmp_path.glob("out*")) and not list(tmp_path.glob(".*"))
