"""From a client's JSON to a resolved `Specification`, or to every fault in it at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from models import presets, sweeps
from models.errors import SpecificationError
from models.kinds.datasets import DATASETS
from models.kinds.kind import Model, Seed, unnamed
from models.kinds.optimizers import OPTIMIZERS
from models.specification import MAX_METADATA_BYTES, MAX_RUNS, MAX_SEEDS, MAX_VARIANTS, Specification


def resolve(body: Any) -> Specification:
    """The resolved specification of a client's JSON `body`.

    Raises `SpecificationError` with every fault: `{pointer, code, detail}`, the pointer (RFC 6901)
    into the body as it was sent.
    """
    if not isinstance(body, dict):
        raise SpecificationError([_error((), "dict_type", "A specification is a JSON object")])
    raw, errors = dict(body), []
    if (preset := raw.pop("preset", None)) is not None:
        if isinstance(preset, str) and preset in presets.JOBS:
            raw = {**presets.JOBS[preset], **raw}
        else:
            errors.append(_error(("preset",), "unknown_preset", f"Presets of jobs are: {', '.join(presets.JOBS)}"))
            raw.setdefault("variants", ["original"])
    if (sweep := raw.pop("sweep", None)) is not None:
        _sweep(raw, sweep, errors)
    _name_default(raw, "dataset", unnamed(DATASETS))
    _name_default(raw.get("training"), "optimizer", unnamed(OPTIMIZERS))
    if isinstance(variants := raw.get("variants"), list) and len(variants) > MAX_VARIANTS:
        errors.append(_error(("variants",), "too_long", f"A job may have at most {MAX_VARIANTS} variants"))
        variants = raw["variants"] = ["original"]
    if isinstance(variants, list) and variants:
        training = raw["training"] if isinstance(raw.get("training"), dict) else {}
        raw["variants"] = [_expand(variant, i, training, errors) for i, variant in enumerate(variants)]
        names = [v.get("name") for v in raw["variants"] if isinstance(v, dict)]
        errors += [
            _error(("variants", i, "name"), "duplicate", "Another variant has this name")
            for i, name in enumerate(names)
            if isinstance(name, str) and name in names[:i]
        ]
        of_preset = body.get("baseline") is None and raw.get("baseline") not in names  # variants beside a preset
        if raw.get("baseline") is None or of_preset:
            raw["baseline"] = names[0] if names else None
        elif isinstance(raw.get("baseline"), str) and raw["baseline"] not in names:
            errors.append(_error(("baseline",), "unknown_variant", "The baseline is not among the variants"))
    if raw.get("baseline") is None:
        raw["baseline"] = "original"  # there is no list to name the first of: that is fault enough
    if isinstance(seeds := raw.get("seeds"), list) and len(seeds) <= MAX_SEEDS:
        errors += [
            _error(("seeds", i), "duplicate", "This seed is listed before")
            for i, s in enumerate(seeds)
            if s in seeds[:i]
        ]
        if isinstance(variants, list) and len(seeds) * len(variants) > MAX_RUNS:
            errors.append(_error(("seeds",), "too_many_runs", f"Variants times seeds may be at most {MAX_RUNS} runs"))
    metadata = json.dumps(raw.get("metadata"), ensure_ascii=False, separators=(",", ":"))
    if len(metadata.encode(errors="surrogatepass")) > MAX_METADATA_BYTES:
        detail = f"Metadata may have at most {MAX_METADATA_BYTES} bytes as JSON"
        errors.append(_error(("metadata",), "metadata_too_large", detail))
    try:
        # By way of JSON: strict there means JSON's own types, with lists for tuples.
        specification = Specification.model_validate_json(json.dumps(raw))
    except ValidationError as invalid:
        known = {e["pointer"] for e in errors}
        errors += [e for e in _pydantic_errors(invalid, body, raw) if e["pointer"] not in known]
    else:
        errors += _cross_checks(specification)
    if errors:
        raise SpecificationError(errors)
    return specification


class _Seeds(Model):
    seeds: tuple[Seed, ...] = Field(min_length=1)


def resolve_seeds(body: Any, specification: Specification) -> tuple[int, ...]:
    """The seeds of a client's `{"seeds": [...]}`, to be added to those of `specification`.

    Raises `SpecificationError` with every fault, like `resolve`.
    """
    try:
        seeds = _Seeds.model_validate_json(json.dumps(body)).seeds
    except ValidationError as invalid:
        raise SpecificationError(list(_pydantic_errors(invalid, body, body))) from None
    errors = [
        _error(
            ("seeds", i), "duplicate", "The job has this seed" if seed in specification.seeds else "It is listed before"
        )
        for i, seed in enumerate(seeds)
        if seed in (*specification.seeds, *seeds[:i])
    ]
    total = len(specification.seeds) + len(seeds)
    if total > MAX_SEEDS:
        errors.append(_error(("seeds",), "too_long", f"A job may have at most {MAX_SEEDS} seeds"))
    if total * len(specification.variants) > MAX_RUNS:
        errors.append(_error(("seeds",), "too_many_runs", f"Variants times seeds may be at most {MAX_RUNS} runs"))
    if errors:
        raise SpecificationError(errors)
    return seeds


def _sweep(raw: dict[str, Any], sweep: Any, errors: list[dict[str, str]]) -> None:
    """Adds the sweep's variants to those of `raw`."""
    try:
        swept = sweeps.Sweep.model_validate_json(json.dumps(sweep))
    except ValidationError as invalid:
        errors += _pydantic_errors(invalid, sweep, sweep, ("sweep",))
        raw.setdefault("variants", ["original"])
        return
    variants = raw.get("variants", [])
    if isinstance(variants, list):
        if len(variants) + swept.size() > MAX_VARIANTS:
            detail = f"The sweep has {swept.size()} combinations; a job may have at most {MAX_VARIANTS} variants"
            errors.append(_error(("sweep", "grid"), "too_many_variants", detail))
            raw.setdefault("variants", ["original"])
        else:
            raw["variants"] = [*variants, *swept.variants()]


def _name_default(parent: Any, field: str, name: str) -> None:
    """Completes `parent[field]` by the name that is meant where none is given."""
    if isinstance(parent, dict) and isinstance(parent.get(field), dict):
        parent[field] = {"name": name, **parent[field]}


def _expand(variant: Any, index: int, training: dict[str, Any], errors: list[dict[str, str]]) -> Any:
    """A variant in full: a preset's name becomes its layers, a partial `training` is completed by the job's."""
    if isinstance(variant, str):
        variant = {"name": variant}
        where: tuple[str | int, ...] = ("variants", index)
    else:
        where = ("variants", index, "preset" if isinstance(variant, dict) and "preset" in variant else "name")
    if not isinstance(variant, dict):
        return variant
    variant = dict(variant)
    preset = variant.pop("preset", variant.get("name"))
    if "layers" not in variant:
        if isinstance(preset, str) and preset in presets.VARIANTS:
            variant["layers"] = presets.VARIANTS[preset]
        elif isinstance(preset, str):
            choice = ", ".join(presets.VARIANTS)
            errors.append(
                _error(where, "unknown_preset", f"Give the variant its layers, or the name of a preset: {choice}")
            )
            variant["layers"] = []
    elif preset is not variant.get("name"):
        errors.append(_error(where, "preset_and_layers", "A variant has a preset or layers of its own, not both"))
    if isinstance(variant.get("training"), dict):
        variant["training"] = {**training, **variant["training"]}
        _name_default(variant["training"], "optimizer", unnamed(OPTIMIZERS))
    return variant


def _cross_checks(specification: Specification) -> list[dict[str, str]]:
    """The rules that join several fields."""
    errors = []
    for i, variant in enumerate(specification.variants):
        if variant.layers and not variant.layers[0].reads:
            errors.append(
                _error(
                    ("variants", i, "layers", 0),
                    "first_layer_not_dense",
                    "The first layer must be dense: it reads the words",
                )
            )
    data = specification.dataset
    if data.held_out >= data.available:
        detail = f"It must leave {data.rows} to train on: there are {data.available}"
        errors.append(_error(("dataset", "validation", "holdout"), "too_large", detail))
    available = data.available - data.held_out
    wanted: dict[tuple[str | int, ...], int | None] = {("dataset", "train_samples"): data.train_samples}
    for i, variant in enumerate(specification.variants):
        if variant.dataset:
            swept = variant.swept is not None and "train_samples" in variant.swept
            place: tuple[str | int, ...] = (
                ("sweep", "grid", "train_samples") if swept else ("variants", i, "dataset", "train_samples")
            )
            wanted[place] = max(variant.dataset.train_samples or 0, wanted.get(place) or 0)
    for place, samples in wanted.items():
        if samples is not None and samples > available > 0:
            errors.append(_error(place, "too_large", f"There are {available} {data.rows} to train on"))
    return errors


def _error(location: tuple[str | int, ...], code: str, detail: str) -> dict[str, str]:
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return {"pointer": pointer, "code": code, "detail": detail}


def _pydantic_errors(
    invalid: ValidationError, body: Any, raw: Any, within: tuple[str | int, ...] = ()
) -> Iterable[dict[str, str]]:
    """pydantic's faults, their places freed of the union tags it puts between, each once.

    `raw` is what pydantic saw, `body` what the client sent, `within` where they lie in the request.
    """
    found: dict[tuple[str | int, ...], dict[str, str]] = {}
    for fault in invalid.errors(include_url=False, include_context=False, include_input=False):
        place: list[str | int] = []
        node: Any = raw
        for part in fault["loc"]:
            inside = (isinstance(node, dict) and part in node) or (
                isinstance(node, (list, tuple)) and isinstance(part, int)
            )
            if inside:
                node = node[part]
            elif not (fault["type"] == "missing" and part == fault["loc"][-1]):
                continue  # a tag of a union, not a place in the document
            place.append(part)
        if fault["type"] == "too_short" and node:
            continue  # pydantic counts only the valid members; the faults of the others are told
        if place == ["baseline"] and not _sent(body, place):
            continue  # filled in from the variants: reported there
        if place[:1] == ["variants"] and len(place) > 3 and place[2] == "training" and not _sent(body, place):
            place = place[2:]  # completed from the job's training: reported there, once
        first = found.setdefault(tuple(place), _error((*within, *place), fault["type"], in_words(fault)))
        if first["code"] == "literal_error" and fault["type"] == "model_type":
            first["detail"] += " or an object"  # either is allowed, and it is neither
    parents = {place[:depth] for place in found for depth in range(len(place))}
    for where, error in found.items():
        # Where a word or an object is allowed, an object's faults are its own.
        if not (error["code"] == "literal_error" and where in parents):
            yield error


def in_words(fault: ErrorDetails) -> str:
    """pydantic's message, but of JSON's types where it speaks of Python's."""
    match fault["type"]:
        case "tuple_type" | "list_type":
            return "Input should be an array"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "Input should be an object"
        case "value_error":
            words = fault["msg"].removeprefix("Value error, ")
            return words[:1].upper() + words[1:]
        case "too_short" | "too_long":
            words = fault["msg"].replace(" after validation", "")
            return re.sub("^(Tuple|List)", "The array", words).replace("Dictionary", "The object")
    return fault["msg"]


def _sent(body: Any, place: list[str | int]) -> bool:
    """Whether the client's own document has this place."""
    for part in place:
        try:
            body = body[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True
