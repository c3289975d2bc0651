"""Tests of the documentation: links, the reference, cross references, names on the newcomer's page."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def heading_anchors(page: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in heading_anchors(path), f"{page.name}: {target}"


def test_the_reference_is_that_of_the_docstrings() -> None:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert written == module.reference(), "run `make reference`"


def test_a_newcomer_reads_a_short_page() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 90


def resolve(name: str, module: ModuleType) -> object:
    """The object that a docstring's cross reference names: from the package, its module, or a class in it."""
    parts = name.split(".")
    for start in range(len(parts), 0, -1):
        with contextlib.suppress(ImportError):
            found: object = importlib.import_module(".".join(parts[:start]))
            for part in parts[start:]:
                found = getattr(found, part)
            return found
    owners = [module, *(value for value in vars(module).values() if inspect.isclass(value))]
    for owner in owners:
        found = owner
        try:
            for part in parts:
                fields = getattr(found, "__dataclass_fields__", {})
                hints = getattr(found, "__annotations__", {})
                found = fields[part] if part in fields else hints[part] if part in hints else getattr(found, part)
        except AttributeError:
            continue
        return found
    raise AttributeError(name)


def test_cross_references_of_docstrings_exist() -> None:
    wrong = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = path.read_text("utf-8")
        names = re.findall(r":(?:func|class|meth|data|mod|attr):`~?([\w.]+)`", text)
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        if not names or parts[-1] == "__main__":
            continue
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        for name in names:
            try:
                resolve(name, module)
            except (AttributeError, ValueError):
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def test_the_names_on_the_newcomers_page_exist() -> None:
    page = (ROOT / "docs" / "find-your-way.md").read_text("utf-8")
    ways = re.findall(r"`([\w./]+/)`\s+→\s+`(\w+)`", page)
    assert len(ways) > 20
    lost = []
    for folder, name in ways:
        files = (ROOT / "src" / "effigie" / folder).rglob("*.py")
        defined = re.compile(rf"^ *(?:(?:async )?def|class) {name}\b|^{name}\b *[:=]", re.MULTILINE)
        if not any(defined.search(path.read_text("utf-8")) for path in files):
            lost.append(f"{folder} → {name}")
    assert lost == []
