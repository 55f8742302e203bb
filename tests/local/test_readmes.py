"""What the READMEs of the local stack promise is tested where they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.paths import PROJECT

READMES = sorted((PROJECT / "local").rglob("README.md"))
TESTS = list((PROJECT / "tests").rglob("*.py"))


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_every_test_that_a_readme_names_is_there(readme: Path) -> None:
    """Files and functions; a name that is shortened with an ellipsis is not looked up."""
    text = readme.read_text(encoding="utf-8")
    files = {path.name for path in TESTS}
    functions = set(re.findall(r"^(?:async )?def (test_\w+)", "\n".join(path.read_text() for path in TESTS), re.M))
    assert set(re.findall(r"(?<![…\w])(test_\w+\.py)", text)) - files == set()
    assert set(re.findall(r"(?<!…)\b(test_\w+)(?![\w…]|\.py)", text)) - functions == set()


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_every_link_leads_somewhere(readme: Path) -> None:
    """Links to files of this project."""
    links = re.findall(r"\]\(([^)#:]+)\)", readme.read_text(encoding="utf-8"))
    assert [link for link in links if not (readme.parent / link).exists()] == []
