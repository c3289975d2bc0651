"""Tests of the page's two languages: a catalogue without holes, and no text beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from effigie import studio
from effigie.heads.motion.face_controls import describe_face_controls
from effigie.swap.preview.inspector import describe_controls

SOURCES = Path(studio.__file__).parent / "web" / "src"
CATALOGUE = SOURCES / "italian"
STRING = r'"(?:[^"\\]|\\.)*"'
ENTRY = re.compile(rf"^  (?:({STRING})|(\w+)):\s*({STRING}),$", re.MULTILINE)
SERVER = ("server.ts", "controls.ts")  # what the server sends, which no source names
SAME = re.compile(
    r"Clip|File|reinhard|poisson|Swap|swap|film|st|clip · \{name\}|\{n\} clip|in \{folder\}|The birch canoe .*"
)
"""Texts that are the same in both languages."""
ATTRIBUTES = "title|aria-label|label|hint|text|placeholder|alt|sure|keepLabel"
KEYS = re.compile(r"(?:Ctrl\+)?(?:\w|Enter)")  # names of keys are on the keyboard
WORD = re.compile(r"[A-Za-z]{2}")
BRAND = "effigie"


def read_catalogue() -> dict[str, dict[str, str]]:
    """File -> English -> Italian."""
    found = {}
    for path in sorted(CATALOGUE.glob("*.ts")):
        rows = ENTRY.findall(path.read_text("utf-8"))
        found[path.name] = {(json.loads(quoted) if quoted else bare): json.loads(text) for quoted, bare, text in rows}
    return found


def read_sources() -> dict[str, str]:
    """Name -> text without comments of the sources, the catalogue left out."""
    paths = [path for path in sorted(SOURCES.rglob("*.ts*")) if path.parent != CATALOGUE]
    return {str(path.relative_to(SOURCES)): re.sub(r"(?m)^\s*//.*$", "", path.read_text("utf-8")) for path in paths}


def find_literals(source: str) -> set[str]:
    """Texts in a page's elements, and in attributes that are read or spoken."""
    plain = r"[^<>{}=;()`|&]*"
    found = [text for text, _ in re.findall(rf"(?<![=<])>({plain})([<{{])", source)]
    found += re.findall(rf"\}}({plain})</", source)
    lines = re.findall(r"(?m)^\s+([\w✓◆●⇤][\w ,.:'’!?·%-]*[\w.!?])$", source)
    found += [line for line in lines if re.search(r"^[A-Z]| ", line)]  # words; one alone may be a variable
    values = re.findall(rf"\s(?:{ATTRIBUTES})=({STRING})", source)
    found += [value for value in map(json.loads, values) if not KEYS.fullmatch(value)]
    texts = {text.strip() for text in found if WORD.search(text)}
    return {text for text in texts if text != BRAND and not re.fullmatch(r":.*\?", text)}  # between two elements


def find_english(page: str) -> set[str]:
    """Lines of a page in Italian that have remained English, of what it says."""
    texts = {text for rows in read_catalogue().values() for text, italian in rows.items() if text != italian}
    return {line.strip() for line in page.splitlines()} & texts


def test_every_text_has_both_languages() -> None:
    seen: set[str] = set()
    for name, texts in read_catalogue().items():
        for english, italian in texts.items():
            assert english not in seen, f"{name} has {english!r} a second time"
            assert italian.strip() and (italian != english or SAME.fullmatch(english)), f"{name}: {english!r}"
            holes = [sorted(re.findall(r"\{\w+\}", text)) for text in (english, italian)]
            assert holes[0] == holes[1], f"{name}: {italian!r} has other values than {english!r}"
            seen.add(english)
    assert len(seen) > 400


def test_the_catalogue_is_read_whole() -> None:
    for path in CATALOGUE.glob("*.ts"):
        lines = [
            line
            for line in path.read_text("utf-8").splitlines()
            if line.startswith('    "') or re.match(r"  [\w\"]", line)
        ]
        starts = [line for line in lines if line.startswith("  ") and not line.startswith("    ")]
        assert len(starts) == len(read_catalogue()[path.name]), path.name


def test_what_is_asked_for_is_in_the_catalogue_and_what_is_in_it_is_used() -> None:
    catalogue, sources = read_catalogue(), read_sources()
    known = {english for texts in catalogue.values() for english in texts}
    for name, source in sources.items():
        for quoted in re.findall(rf"\bt\(({STRING})", source):
            assert json.loads(quoted) in known, f"{name}: {quoted} has no Italian"
    whole = "\n".join(sources.values())
    texts = {english for name, rows in catalogue.items() if name not in SERVER for english in rows}
    bare = {english for english in texts if json.dumps(english, ensure_ascii=False) not in whole}
    unused = {english for english in bare if not re.search(rf"\b{re.escape(english)}\b", whole)}
    assert not unused, f"nothing says {sorted(unused)}"


def test_no_control_lacks_its_italian() -> None:
    known = {english for texts in read_catalogue().values() for english in texts}
    controls = [*describe_controls(), *describe_face_controls()]
    texts = {text for one in controls for text in (one["label"], one["help"], one["panel"], *one.get("choices", ()))}
    assert len(controls) > 20 and not (lacking := texts - known), lacking


def test_no_page_has_a_text_of_its_own() -> None:
    for name, source in read_sources().items():
        if name.endswith(".tsx"):
            assert not (found := find_literals(source)), f"{name} has texts outside of the catalogue: {found}"


def test_a_text_outside_of_the_catalogue_is_found() -> None:
    page = """
      return (
        <p class="dim" title="For whom">
          Nobody has consented
          <b>Locked: {why}</b> {n} faces</p>
        <button title="Ctrl+Z" onClick={() => a > b && go("people")}>{t("Undo")}</button>
        <label>
          {t("Name")}
        </label>
      )
    """
    assert find_literals(page) == {"For whom", "Locked:", "Nobody has consented", "faces"}
