"""Challenges: draw what a person does before a camera, or reads aloud; check the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effigie.cli.consent_display import print_written
from effigie.cli.consent_options import Folder, Key, Replace, load_key, require_free
from effigie.cli.console import INTERRUPT, print_json, print_line, progress_display
from effigie.cli.options import Json
from effigie.errors import ConsentError, UsageError

if TYPE_CHECKING:
    from effigie.consent.challenge import Challenge
    from effigie.consent.document import Consent, ConsentRequest
    from effigie.consent.grant_challenge import GrantChallenge


def register(group: typer.Typer) -> None:
    group.command("challenge")(challenge)
    group.command("answer")(answer)


def challenge(
    record: Annotated[
        str, typer.Argument(metavar="REQUEST|RECORD", help="A request to be granted, or a record's file or id.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="CHALLENGE", help="A file to write, for `answer`.")
    ] = Path("challenge.json"),
    camera: Annotated[
        bool, typer.Option("--camera", help="Of a record: have its person grant it before a camera, as a request.")
    ] = False,
    silent: Annotated[bool, typer.Option("--silent", help="No sentence to read: there is no microphone.")] = False,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Draw motions by which a person grants a request before a camera, or a sentence before a voice is learned."""
    from effigie.consent.challenge import Challenge
    from effigie.consent.grant_challenge import GrantChallenge
    from effigie.consent.witness import INSTRUCTIONS

    terms = _find_terms(record, folder)
    is_reading = not camera and not _is_request(terms) and bool(terms.voices)
    document: Challenge | GrantChallenge
    if is_reading:
        if silent:
            raise UsageError("a sentence is read aloud: leave --silent out, or add --camera")
        document = Challenge.create(_require_record(terms))
    else:
        document = GrantChallenge.create(terms, sound=not silent)
    document.save(output, replace=True)
    if as_json:
        print_json(document.to_json() | {"expires": document.expires.isoformat(), "path": str(output)})
        return
    sentence = document.sentence
    if isinstance(document, GrantChallenge) and document.steps:
        print_line(
            f"{terms.subject} looks into the camera, until {document.expires:%H:%M} UTC, and in one go, "
            "one after another:"
        )
        for number, step in enumerate(document.steps, 1):
            print_line(f"    {number}. {INSTRUCTIONS[step]}")
        if sentence is not None:
            print_line(f"    {len(document.steps) + 1}. read aloud: {sentence}")
    else:
        print_line(f"{terms.subject} reads aloud, until {document.expires:%H:%M} UTC:")
        print_line(f"    {sentence}")
    print_line(f"then: effigie consent answer {output} RECORDING -o {'ANSWER' if is_reading else 'RECORD'}")


def answer(
    challenge: Annotated[Path, typer.Argument(metavar="CHALLENGE", help="Of `consent challenge`.")],
    recording: Annotated[Path, typer.Argument(metavar="RECORDING", help="The person doing it.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The record, or answer, to write.")],
    subject_key: Annotated[
        Path | None, typer.Option("--subject-key", metavar="PEM", help="The person signs the record as well.")
    ] = None,
    key: Key = None,
    folder: Folder = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Check that a person did what was drawn, and sign it: a granted record, or the answer that `voice learn` wants."""
    from effigie.consent.canonical import parse_document, read_bytes
    from effigie.consent.challenge import CHALLENGE

    require_free(output, replace)
    try:
        parse_document(read_bytes(challenge), CHALLENGE, str(challenge))
    except ConsentError:
        _answer_grant(challenge, recording, output, subject_key, key, folder, as_json)
    else:
        if subject_key is not None:
            raise UsageError("a reading is signed by who checks it: leave --subject-key out")
        _answer_reading(challenge, recording, output, key, folder, as_json)


def _answer_reading(
    challenge: Path, recording: Path, output: Path, key: Path | None, folder: Path | None, as_json: bool
) -> None:
    from effigie.consent.challenge import Challenge
    from effigie.consent.reading import answer_challenge
    from effigie.consent.store import default_store

    reading_challenge = Challenge.load(challenge)
    consent, _ = default_store(folder).locate(reading_challenge.consent)
    voice_answer = answer_challenge(reading_challenge, recording, consent, key=load_key(key), cancel=INTERRUPT)
    voice_answer.save(output, replace=True)
    if as_json:
        print_json(voice_answer.to_json() | {"path": str(output)})
        return
    print_line(f"{consent.subject} read the sentence: {voice_answer.words_right / 10:.0f} % of the words -> {output}")


def _answer_grant(
    challenge: Path,
    recording: Path,
    output: Path,
    subject_key: Path | None,
    key: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    from effigie.consent.grant_challenge import GrantChallenge
    from effigie.consent.store import default_store
    from effigie.granting import answer_grant

    grant_challenge, store = GrantChallenge.load(challenge), default_store(folder)
    with progress_display() as progress:
        record = answer_grant(
            grant_challenge,
            recording,
            key=load_key(key),
            subject_key=load_key(subject_key),
            store=store,
            progress=progress,
            cancel=INTERRUPT,
        )
    record.save(output, replace=True)
    # In the user's own store as well, as `grant` does: there `verify` finds it, and the gate.
    default_store().add(record)
    print_written(record, output, as_json)
    if not as_json:
        print_line(f"keep {recording}: the record holds its hash, and it is the evidence")


def _find_terms(name: str, folder: Path | None) -> ConsentRequest | Consent:
    """The request or record of a name; what is wrong with a file is said of the kind that it claims to be."""
    from effigie.consent.canonical import parse_document, read_bytes
    from effigie.consent.document import ConsentRequest, is_id
    from effigie.consent.signature import REQUEST, WITNESS_VERSION
    from effigie.consent.store import default_store

    if not is_id(name):
        try:
            parse_document(read_bytes(Path(name)), REQUEST, name, WITNESS_VERSION)
        except ConsentError:
            pass
        else:
            return ConsentRequest.load(Path(name))
    return default_store(folder).locate(name)[0]


def _is_request(terms: ConsentRequest | Consent) -> bool:
    from effigie.consent.document import ConsentRequest

    return isinstance(terms, ConsentRequest)


def _require_record(terms: ConsentRequest | Consent) -> Consent:
    from effigie.consent.document import Consent

    if not isinstance(terms, Consent):
        raise UsageError("that is a request: it is granted, not read for")
    return terms
