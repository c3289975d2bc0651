"""Settings of the provenance of outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from effigie.errors import UsageError

LabelMode = Literal["off", "corner", "first-seconds"]
LABEL_MODES = get_args(LabelMode)


@dataclass(frozen=True)
class TrustSettings:
    """Label, watermark and certificate of outputs. Credentials and the ledger's entry are always made.

    Attributes:
        label: the notice: ``off``, ``corner`` (throughout) or ``first-seconds``; sound alone is preceded by a spoken
            one with either.
        label_text: its words; None takes "AI-generated", spoken "This voice is AI generated."
        watermark: the invisible mark. Without it an output that loses its metadata can be traced by its pictures alone;
            meant for measuring what a swap itself does to pixels.
        certificate: PEM chain to sign with, given together with ``key``; None takes ``EFFIGIE_CERTIFICATE``, or a local
            certificate made at first use.
        key: PEM private key of the certificate; None takes ``EFFIGIE_KEY``, or that of the local certificate.
        timestamp_authority: URL of an RFC 3161 service that confirms when the output was signed; none by default, and
            then nothing is ever contacted.
    """

    label: LabelMode = "off"
    label_text: str | None = None
    watermark: bool = True
    certificate: Path | None = None
    key: Path | None = None
    timestamp_authority: str | None = None

    def __post_init__(self) -> None:
        if self.label not in LABEL_MODES:
            raise UsageError(f"label must be one of {', '.join(LABEL_MODES)}, not {self.label!r}")
        if (self.certificate is None) != (self.key is None):
            raise UsageError("a certificate and its key go together: give both, or neither")
        authority = self.timestamp_authority
        if authority is not None and not authority.startswith(("http://", "https://")):
            raise UsageError(f"a time-stamp authority is an http(s) URL, not {authority!r}")

    def resolve_paths(self) -> TrustSettings:
        """The same settings with absolute paths, for other processes."""
        if self.certificate is None or self.key is None:
            return self
        return replace(self, certificate=Path(self.certificate).absolute(), key=Path(self.key).absolute())
