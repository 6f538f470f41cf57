"""The documentation says what is: settings, operations, errors, links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.reference import DOCS, pages
from api.webhooks import PATTERN
from models.errors import OckhamError
from models.settings import Settings
from models.webhooks import TYPES


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_what_is_generated_is_current(path: Path) -> None:
    assert path.read_text() == pages()[path], "python -m api.reference writes it anew"


def test_what_is_generated_does_not_depend_on_the_version_of_python() -> None:
    """Python 3.13 renamed the phrases of 413 and 422; here all are renamed, and nothing changes."""
    renamed = """
import http, http.client
for status in http.HTTPStatus:
    status.phrase = "Renamed"
http.client.responses.update(dict.fromkeys(http.client.responses, "Renamed"))
from api.reference import pages
raise SystemExit(any(path.read_text() != text for path, text in pages().items()))
"""
    subprocess.run([sys.executable, "-c", renamed], cwd=DOCS.parent, check=True)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    told = set(re.findall(r"`OCKHAM_(\w+)`", (DOCS / "settings.md").read_text()))
    assert told == {name.upper() for name in Settings.model_fields}


def test_no_document_names_a_setting_that_is_none() -> None:
    for page in [*(DOCS / "api").glob("*.md"), DOCS / "security.md", DOCS / "limits.md"]:
        for name in re.findall(r"\bOCKHAM_([A-Z_]+[A-Z])\b", page.read_text()):
            assert name.lower() in Settings.model_fields, (page, name)


def test_every_error_code_is_told() -> None:
    told = (DOCS / "api" / "errors.md").read_text()
    for error in _below(OckhamError) - {OckhamError}:
        if error.status < 500 or error.code == "unavailable":
            assert f"`{error.code}`" in told, error


def _below(kind: type[OckhamError]) -> set[type[OckhamError]]:
    return {kind}.union(*map(_below, kind.__subclasses__()))


def test_every_type_of_an_event_is_told_and_can_be_asked_for() -> None:
    told = (DOCS / "api" / "waiting.md").read_text().replace("\n", " ").partition("Types: `")[2].partition("`")[0]
    assert sorted(told.split(", ")) == sorted(TYPES)
    assert all(re.match(PATTERN, each) for each in (*TYPES, "*", "job.*", "run.*"))
    assert not re.match(PATTERN, "job.looked ")
    code = "".join(file.read_text() for file in (DOCS.parent / "models").glob("*.py"))
    assert set(re.findall(r'emit(?:_each)?\([^)"]*"((?:job|run)\.[a-z]+)"', code)) <= set(TYPES)


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in (DOCS / "api").glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), (page, target)
