"""What a caller may hand in as a specification."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ockham_client.documents import read_json, read_yaml

SUFFIXES = frozenset({".json", ".yaml", ".yml"})

Specification = Mapping[str, Any] | str | Path


def body_of(specification: Specification, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The request's body: a mapping as it is, a file's content, or a preset by its name; `overrides` win.

    Text is a file if it ends in .json, .yaml or .yml, else a preset. Raises ValueError for a file that
    is not JSON or YAML, OSError for one that cannot be read.
    """
    if isinstance(specification, Mapping):
        body = specification
    elif isinstance(specification, Path) or Path(specification).suffix.lower() in SUFFIXES:
        body = parse(Path(specification).read_bytes(), str(specification))
    else:
        body = {"preset": specification}
    return {**body, **overrides}


def parse(data: bytes, name: str) -> Mapping[str, Any]:
    """A specification's text: JSON if `name` ends in .json, else YAML. Raises ValueError, which begins with `name`."""
    parsed = (read_json if name.lower().endswith(".json") else read_yaml)(data, name)
    if not isinstance(parsed, Mapping):
        raise ValueError(f"{name} holds no mapping of a specification's fields")
    return parsed
