"""Tests of certificates: that of this machine, those of users, and faulty ones."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from credential_files import CLAIM, independent, make
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from effigie.errors import EffigieError, UsageError
from effigie.provenance.c2pa import authority
from effigie.provenance.c2pa.certificate import load_identity, local_identity, select_identity, trust_anchors
from effigie.provenance.c2pa.credentials import sign_file
from effigie.provenance.c2pa.reader import read_credentials


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("EFFIGIE_HOME", str(folder))
    for name in ("EFFIGIE_CERTIFICATE", "EFFIGIE_KEY", "EFFIGIE_TRUST_ANCHORS"):
        monkeypatch.delenv(name, raising=False)
    return folder


def _issue(
    folder: Path, key: object, *, days: float = 30, lasted: timedelta = timedelta(hours=1), own: bool = False
) -> tuple[Path, Path, Path]:
    """A studio's certificate with its authority, its key, and the authority alone, as files."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Studio Root")])
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio Ltd"), x509.NameAttribute(NameOID.COMMON_NAME, "Studio")]
    )
    now = datetime.now(UTC)

    def built(subject: x509.Name, issuer: x509.Name, public: object, until: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - lasted)
            .not_valid_after(until)
        )

    def usage(signs: bool) -> x509.KeyUsage:
        return x509.KeyUsage(signs, False, False, False, False, not signs, not signs, False, False)

    root = (
        built(root_name, root_name, root_key.public_key(), now + timedelta(days=99))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage(False), True)
        .sign(root_key, hashes.SHA256())
    )
    issuer, issuing_key = (name, key) if own else (root_name, root_key)
    algorithm = None if isinstance(issuing_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    leaf = (
        built(name, issuer, key.public_key(), now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(usage(True), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()), False)
        .sign(issuing_key, algorithm)
    )
    folder.mkdir(exist_ok=True)
    chain, private, anchor = folder / "chain.pem", folder / "key.pem", folder / "root.pem"
    # The root first, as some shops deliver it.
    chain.write_bytes(root.public_bytes(Encoding.PEM) + leaf.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    anchor.write_bytes(root.public_bytes(Encoding.PEM))
    return chain, private, anchor


def test_the_local_certificate_is_made_once_and_for_its_owner_only(home: Path) -> None:
    assert trust_anchors() == ""
    first = local_identity()
    assert first.alg == "es256" and "PRIVATE" not in repr(first)
    assert local_identity() == first and select_identity() == first
    folder = home / "certificates"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        "authority.pem": 0o600,
        "signer.pem": 0o600,
    }
    assert "PRIVATE" not in trust_anchors() and trust_anchors().count("BEGIN CERTIFICATE") == 1
    signer, issuer = x509.load_pem_x509_certificates(first.certificate_chain_pem.encode())
    signer.verify_directly_issued_by(issuer)
    assert not signer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_several_processes_that_start_at_once_agree_on_one_authority() -> None:
    issuers = []

    def make_one() -> None:
        chain, _ = authority.local_signer()
        chain[0].verify_directly_issued_by(chain[1])
        issuers.append(chain[1])

    threads = [threading.Thread(target=make_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(issuers) == 8 and len(set(issuers)) == 1


def test_it_is_renewed_before_it_runs_out(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(authority, "SIGNER_DAYS", 20)
        patch.setattr(authority, "AUTHORITY_DAYS", 60)
        old = local_identity()
        signed = tmp_path / "old.png"
        sign_file(make(tmp_path / "in.png"), signed, CLAIM)
    new = local_identity()
    assert new != old
    # The old authority would run out before the new signer, so there are two; what the old one signed stays trusted.
    assert len(list((home / "certificates").glob("authority*.pem"))) == 2
    assert read_credentials(signed).state == "trusted"
    assert local_identity() == new


def test_damaged_files_say_what_to_do(home: Path) -> None:
    local_identity()
    (home / "certificates" / "signer.pem").write_text("nonsense")
    with pytest.raises(EffigieError, match=r"signer\.pem is damaged: move it away"):
        local_identity()


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "es256"),
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
)
def test_a_certificate_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: object, alg: str) -> None:
    chain, private, anchor = _issue(tmp_path / "studio", key)
    identity = load_identity(chain, private)
    assert identity.alg == alg
    signed = tmp_path / "out.png"
    sign_file(make(tmp_path / "in.png"), signed, CLAIM, identity)
    assert independent(signed)["validation_state"] == "Valid"
    state = read_credentials(signed)
    assert state.state == "valid" and state.issuer == "Studio Ltd, Studio"
    monkeypatch.setenv("EFFIGIE_TRUST_ANCHORS", str(anchor))
    assert read_credentials(signed).state == "trusted"
    monkeypatch.setenv("EFFIGIE_CERTIFICATE", str(chain))
    monkeypatch.setenv("EFFIGIE_KEY", str(private))
    assert select_identity() == identity


def test_pairs_that_cannot_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh() -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    key = fresh()
    chain, private, _ = _issue(tmp_path / "a", key)
    other, other_private, _ = _issue(tmp_path / "b", fresh())
    with pytest.raises(UsageError, match="belongs to"):
        load_identity(chain, other_private)
    with pytest.raises(UsageError, match="get a new one"):
        load_identity(*_issue(tmp_path / "c", fresh(), days=-1, lasted=timedelta(days=9))[:2])
    with pytest.raises(UsageError, match="its own issuer"):
        load_identity(*_issue(tmp_path / "d", fresh(), own=True)[:2])
    with pytest.raises(UsageError, match="does not accept"):
        load_identity(*_issue(tmp_path / "e", ec.generate_private_key(ec.SECP256K1()))[:2])
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(UsageError, match="password"):
        load_identity(chain, locked)
    with pytest.raises(UsageError, match="no private key"):
        load_identity(chain, chain)
    with pytest.raises(UsageError, match="no certificate"):
        load_identity(private, private)
    with pytest.raises(EffigieError, match="cannot read"):
        load_identity(tmp_path / "gone.pem", private)
    with pytest.raises(UsageError, match="go together"):
        select_identity(certificate=other)
    monkeypatch.setenv("EFFIGIE_KEY", str(private))
    with pytest.raises(UsageError, match="go together"):
        select_identity()
    monkeypatch.setenv("EFFIGIE_TRUST_ANCHORS", str(tmp_path / "gone.pem"))
    with pytest.raises(EffigieError, match="cannot read"):
        trust_anchors()


@pytest.mark.slow
def test_an_output_outlives_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a time stamp it is not trusted any more, but still valid: nothing in it was changed."""
    source, signed, key = (make(tmp_path / "in.png"), tmp_path / "out.png", ec.generate_private_key(ec.SECP256R1()))
    local_identity()  # and all that is loaded at the first use
    seconds = 2
    while not signed.exists():
        chain, private, anchor = _issue(tmp_path / f"studio{seconds}", key, days=seconds / 86400)
        try:
            sign_file(source, signed, CLAIM, load_identity(chain, private))
        except EffigieError as error:  # so slow is this machine that it had run out
            assert "valid" in str(error) and seconds < 1000, error
            seconds *= 3
    monkeypatch.setenv("EFFIGIE_TRUST_ANCHORS", str(anchor))
    certificates = x509.load_pem_x509_certificates(chain.read_bytes())
    end = min(certificate.not_valid_after_utc for certificate in certificates) + timedelta(seconds=1)
    while (left := (end - datetime.now(UTC)).total_seconds()) >= 0:
        time.sleep(left)
    state = read_credentials(signed)
    assert state.state == "valid" and "run out" in " ".join(state.problems)
    data = bytearray(signed.read_bytes())
    data[-20] ^= 1
    signed.write_bytes(data)
    assert read_credentials(signed).state == "broken"
