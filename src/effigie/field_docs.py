"""What the docstring of a settings class says of its fields: the help of options, and of the sliders in the studio."""

from __future__ import annotations

import inspect
import re


def read_attribute_docs(owner: type) -> dict[str, str]:
    """Entries of the docstring's section ``Attributes:``, each on one line, by the name of the attribute."""
    section = (inspect.getdoc(owner) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def format_help(text: str) -> str:
    """The first sentence of an entry, up to a full stop with a space, in a terminal's words: no markup, and no None."""
    sentence = re.split(r"\.(?:\s|$)", text)[0]
    plain = re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"\1", sentence).replace("``", "")
    plain = plain.replace("None takes", "by default").replace("None sets", "by default")
    return (plain if sentence.startswith("``") else plain[:1].upper() + plain[1:]) + "."
