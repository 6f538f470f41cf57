"""What a caller may hand in as a specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
        body = parse(Path(specification).read_text(encoding="utf-8"), str(specification))
    else:
        body = {"preset": specification}
    return {**body, **overrides}


def parse(text: str, name: str) -> Mapping[str, Any]:
    """A specification's text, JSON or YAML. Raises ValueError; `name` is for its message."""
    parsed = _parse(text, name)
    if not isinstance(parsed, Mapping):
        raise ValueError(f"{name} holds no mapping of a specification's fields")
    return parsed


def _parse(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        if name.endswith(".json"):
            raise ValueError(f"{name} is not valid JSON: {error}") from error
    try:
        import yaml
    except ImportError as error:
        raise ValueError(f"{name} is not JSON, and reading YAML needs the package pyyaml") from error
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is neither JSON nor YAML: {error}") from error
    try:
        json.dumps(parsed)
    except TypeError as error:
        raise ValueError(f"{name} holds what JSON has not (a date? quote it): {error}") from error
    return parsed
