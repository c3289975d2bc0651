"""Numbers in English words."""

from __future__ import annotations

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
LARGEST = 10**18 - 1  # beyond it digits are read one by one


def spell_cardinal(number: int) -> str:
    """``1234`` as one thousand two hundred thirty four."""
    if number < 0:
        return "minus " + spell_cardinal(-number)
    if number > LARGEST:
        return spell_digits(str(number))
    if number < 20:
        return _ONES[number]
    words: list[str] = []
    for scale in range(len(_SCALES) - 1, -1, -1):
        group = number // 1000**scale % 1000
        if group:
            words += [*_spell_group(group), _SCALES[scale]]
    return " ".join(word for word in words if word)


def _spell_group(number: int) -> list[str]:
    """Words of 1 to 999."""
    words = [_ONES[number // 100], "hundred"] if number >= 100 else []
    rest = number % 100
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    return [*words, _ONES[rest]] if rest else words


def spell_ordinal(number: int) -> str:
    """``21`` as twenty first."""
    *head, last = spell_cardinal(number).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "h" if last.endswith("t") else "th"
    return " ".join([*head, last])


def spell_year(number: int) -> str:
    """``1984`` as nineteen eighty four, 2005 as two thousand five."""
    high, low = divmod(number, 100)
    if not 1100 <= number <= 2099 or 2000 <= number <= 2009:
        return spell_cardinal(number)
    if low == 0:
        return spell_cardinal(high) + " hundred"
    return spell_cardinal(high) + (" oh " if low < 10 else " ") + spell_cardinal(low)


def spell_digits(digits: str) -> str:
    """``007`` as zero zero seven."""
    return " ".join(_ONES[int(digit)] for digit in digits)


def spell_decimal(text: str) -> str:
    """``3.14`` as three point one four; ``1,200`` as one thousand two hundred."""
    whole, _, fraction = text.replace(",", "").partition(".")
    if len(whole) > 1 and whole.startswith("0"):
        words = spell_digits(whole)
    else:
        words = spell_cardinal(int(whole)) if whole else "zero"
    return f"{words} point {spell_digits(fraction)}" if fraction else words
