"""Written English as it is spoken: numbers, dates, times, money, units, abbreviations and symbols become words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from effigie.speech.numbers import spell_cardinal, spell_decimal, spell_digits, spell_ordinal, spell_year

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH = rf"(?:{'|'.join(_MONTHS)}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?"
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_MONEY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_UNITS = {
    **{"km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "mi": "mile", "ft": "foot"},
    **{"kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce"},
    **{"l": "liter", "ml": "milliliter", "s": "second", "ms": "millisecond", "min": "minute", "h": "hour"},
    **{"kHz": "kilohertz", "Hz": "hertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibel", "W": "watt"},
    **{"kW": "kilowatt", "V": "volt", "A": "amp", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte"},
    **{"mph": "mile per hour", "km/h": "kilometer per hour", "°C": "degree Celsius", "°F": "degree Fahrenheit"},
    **{"°": "degree", "%": "percent"},
}
_PLURALS = {"foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz"}
_PLURALS |= {"gigahertz": "gigahertz", "percent": "percent", "penny": "pence"}
_ABBREVIATIONS = {
    **{"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "Jr": "Junior"},
    **{"Sr": "Senior", "St": "Saint", "vs": "versus", "etc": "et cetera", "approx": "approximately"},
    **{"No": "number", "Fig": "figure", "Vol": "volume", "dept": "department", "Inc": "incorporated"},
    **{"Ltd": "limited", "Co": "company", "Corp": "corporation", "Gen": "General", "Capt": "Captain"},
}
# Two of them are words too: they are abbreviations only before a number, or with their period before a name.
_ALWAYS = {"Mr", "Mrs", "Ms", "Dr", "Prof", "vs", "etc", "approx", "Ltd", "Inc", "Corp", "Jr", "Sr", "Capt"}
_SYMBOLS = {
    **{"&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "#": " number ", "×": " times ", "÷": " divided by "},
    **{"<": " less than ", ">": " greater than ", "~": " about ", "±": " plus or minus ", "/": " slash ", "_": " "},
    **{"*": " ", "^": " ", "|": " ", "\\": " ", "•": " ", "§": " section ", "©": " copyright ", "®": " ", "™": " "},
}


def speak_written(text: str) -> str:
    """Text of words, apostrophes, hyphens between words and the punctuation ``, . ! ? ; : — … ( ) "`` only."""
    text = unicodedata.normalize("NFKC", text.replace("…", "\0")).replace("\0", "…").replace("...", "…")
    text = re.sub(r"[‘’ʼ`´]", "'", text)
    text = re.sub(r"[“”„«»]", '"', text)
    text = re.sub(r"\s[-–—]+\s|—|–(?!\d)|--+", " — ", text)
    for pattern, replacement in _RULES:
        text = re.sub(pattern, replacement, text)
    for symbol, spoken_symbol in _SYMBOLS.items():
        text = text.replace(symbol, spoken_symbol)
    text = _drop_accents(text)
    text = re.sub(r"[^A-Za-z0-9'\-,.!?;:—…()\"\s]", " ", text)
    text = re.sub(r"\d+", lambda match: f" {spell_decimal(match[0])} ", text)
    return re.sub(r"\s+", " ", text).strip()


def _drop_accents(text: str) -> str:
    """café as cafe: the lexicon's spelling."""
    plain = unicodedata.normalize(
        "NFKD", text.replace("ß", "ss").replace("ø", "o").replace("æ", "ae").replace("ł", "l")
    )
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _pluralize(word: str, one: bool) -> str:
    if one:
        return word
    first, _, rest = word.partition(" ")
    return _PLURALS.get(first, first + "s") + (f" {rest}" if rest else "")


def _speak_money(match: re.Match[str]) -> str:
    name, part = _MONEY[match[1]]
    amount, scale = match[2].replace(",", ""), match[3]
    if scale:
        return f"{spell_decimal(amount)} {scale} {_pluralize(name, False)}"
    whole, _, cents = amount.partition(".")
    words = f"{spell_cardinal(int(whole))} {_pluralize(name, int(whole) == 1)}"
    if len(cents) == 2 and int(cents):
        words += f" and {spell_cardinal(int(cents))} {_pluralize(part, int(cents) == 1)}"
    return words


def _speak_unit(match: re.Match[str]) -> str:
    amount, unit = match[1].replace(",", ""), _UNITS[match[2]]
    return f"{spell_decimal(amount)} {_pluralize(unit, amount == '1')} "


def _speak_time(match: re.Match[str]) -> str:
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").replace(".", "").lower()
    if hour > 24 or minute > 59:
        return f"{spell_cardinal(hour)} {spell_cardinal(minute)}"
    past = "" if minute == 0 else (" oh " if minute < 10 else " ") + spell_cardinal(minute)
    if not half and minute == 0:
        past = " o'clock" if hour <= 12 else " hundred"
    return spell_cardinal(hour) + past + (f" {half[0].upper()} M" if half else "")


def _speak_date(month: str, day: str, year: str | None) -> str:
    name = next(full for full in _MONTHS if full.startswith(month[:3]))
    return f"{name} {spell_ordinal(int(day))}" + (f", {spell_year(int(year))}" if year else "")


def _speak_iso_date(match: re.Match[str]) -> str:
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{_MONTHS[month - 1]} {spell_ordinal(day)}, {spell_year(year)}"


def _speak_fraction(match: re.Match[str]) -> str:
    top, bottom = int(match[1]), int(match[2])
    if bottom == 0 or bottom > 100:
        return f"{spell_cardinal(top)} over {spell_cardinal(bottom)}"
    name = {2: "half", 4: "quarter"}.get(bottom) or spell_ordinal(bottom)
    if top == 1:
        return f"one {name}"
    return f"{spell_cardinal(top)} {'halves' if bottom == 2 else name + 's'}"


def _speak_abbreviation(match: re.Match[str]) -> str:
    return _ABBREVIATIONS[match[1]]


_Speaker = Callable[[re.Match[str]], str]
_RULES: tuple[tuple[str, _Speaker | str], ...] = (
    (r"(?i)\bhttps?://(?:www\.)?", ""),
    (r"(?<=[\w])@(?=[\w])", " at "),
    (r"(?i)(?<=\w)\.(?=(?:com|org|net|edu|gov|io)\b)", " dot "),
    (r"\be\.\s?g\.", "for example"),
    (r"\bi\.\s?e\.", "that is"),
    (r"\b(\d{4})-(\d\d)-(\d\d)\b", _speak_iso_date),
    (
        rf"\b({_MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?\s+(\d{{4}})\b)?",
        lambda found: _speak_date(found[1], found[2], found[3]),
    ),
    (
        rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({_MONTH})(?:,?\s+(\d{{4}})\b)?",
        lambda found: _speak_date(found[2], found[1], found[3]),
    ),
    (r"\b(\d{1,2}):(\d\d)\s*([AaPp]\.?[Mm]\b\.?)?", _speak_time),
    (r"\b(\d{1,2})\s*([AaPp])\.?[Mm]\b\.?", lambda found: f"{spell_cardinal(int(found[1]))} {found[2].upper()} M"),
    (rf"([$€£])\s?({_NUMBER})(?:\s?(thousand|million|billion|trillion)\b)?", _speak_money),
    (rf"({_NUMBER})\s?({'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![A-Za-z])", _speak_unit),
    (r"\b(\d+)(?:st|nd|rd|th)\b", lambda found: spell_ordinal(int(found[1]))),
    (r"\b(\d{1,2})/(\d{1,3})\b", _speak_fraction),
    (r"\b(1[1-9]\d\d|20\d\d)s\b", lambda found: spell_year(int(found[1])) + " s"),
    (r"(?<=\d)[-–](?=\d)", " to "),
    (r"(?<!\w)-(?=\d)", "minus "),
    (r"\b(?:1[1-9]\d\d|20\d\d)\b(?![,.]\d)", lambda found: spell_year(int(found[0]))),
    (r"\b\d{7,}\b", lambda found: spell_digits(found[0]) if found[0][0] == "0" else spell_cardinal(int(found[0]))),
    (_NUMBER, lambda found: f" {spell_decimal(found[0])} "),
    (rf"\b({'|'.join(sorted(_ALWAYS))})\b\.?(?=\s+\w)", _speak_abbreviation),
    (rf"\b({'|'.join(sorted(_ALWAYS))})\b\.", _speak_abbreviation),
    (r"\b(No|Fig|Vol)\.\s?(?=[\w ]*)", _speak_abbreviation),
    (r"\b(St|Gen|Co)\.(?=\s+[A-Z])", _speak_abbreviation),
)
