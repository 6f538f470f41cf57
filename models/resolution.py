"""From a client's JSON to a resolved `Specification`, or to every fault in it at once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from models import checks, presets, sweeps
from models.errors import SpecificationError
from models.faults import MOST_FAULTS, duplicates, fault, faults_of, told
from models.kinds.dataset import HELD_OUT, Holdout
from models.kinds.datasets import DATASETS
from models.kinds.kind import Model, Seed, unnamed
from models.kinds.layer import on_inputs
from models.kinds.metrics import ASKED, METRICS, offered
from models.kinds.optimizers import OPTIMIZERS
from models.names import MAX_VARIANT_NAME
from models.search import Final, check_budget, probes
from models.spaces import Value, check_spaces
from models.specification import (
    MAX_METADATA_BYTES,
    MAX_RUNS,
    MAX_VARIANTS,
    Description,
    Specification,
    Training,
    Variant,
)
from models.suggestions import did_you_mean
from models.sweeps import variant_of
from models.until import MAX_SEEDS, Until


def resolve(body: Any) -> Specification:
    """The resolved specification of a client's JSON `body`.

    Raises `SpecificationError` with every fault: `{pointer, code, detail}`, the pointer (RFC 6901)
    into the body as it was sent.
    """
    if not isinstance(body, dict):
        raise SpecificationError([fault((), "dict_type", "A specification is a JSON object")])
    raw, errors = dict(body), []
    if (preset := raw.pop("preset", None)) is not None:
        if isinstance(preset, str) and preset in presets.JOBS:
            raw = presets.with_changes(presets.JOBS[preset], raw)
        else:
            meant = did_you_mean(preset, tuple(presets.JOBS)) if isinstance(preset, str) else ""
            detail = f"Presets of jobs are: {', '.join(presets.JOBS)}{meant}"
            errors.append(fault(("preset",), "unknown_preset", detail))
            raw.setdefault("variants", ["original"])
    if isinstance(seeds := raw.get("seeds"), list) and len(seeds) > MAX_SEEDS:
        errors.append(fault(("seeds",), "too_long", f"A job may have at most {MAX_SEEDS} seeds"))
        raw["seeds"] = [0]  # thousands of faults would take long to tell
    if (sweep := raw.pop("sweep", None)) is not None:
        _sweep(raw, sweep, errors)
    if isinstance(raw.get("search"), dict):
        raw = _searched(raw)
    raw = _named(raw, "dataset", unnamed(DATASETS))
    if "training" in raw:
        raw["training"] = _named(raw["training"], "optimizer", unnamed(OPTIMIZERS))
    if isinstance(variants := raw.get("variants"), list) and len(variants) > MAX_VARIANTS:
        errors.append(fault(("variants",), "too_long", f"A job may have at most {MAX_VARIANTS} variants"))
        variants = raw["variants"] = ["original"]
    if isinstance(variants, list) and variants:
        training = raw["training"] if isinstance(raw.get("training"), dict) else {}
        samples = raw["dataset"].get("train_samples") if isinstance(raw.get("dataset"), dict) else None
        raw["variants"] = [_expand(variant, i, training, samples, errors) for i, variant in enumerate(variants)]
        names = [v.get("name") for v in raw["variants"] if isinstance(v, dict)]
        errors += [
            fault(("variants", i, "name"), "duplicate", "Another variant has this name")
            for i, name in enumerate(names)
            if isinstance(name, str) and name in names[:i]
        ]
        of_preset = body.get("baseline") is None and raw.get("baseline") not in names  # variants beside a preset
        if raw.get("baseline") is None or of_preset:
            raw["baseline"] = names[0] if names else None
        elif isinstance(raw.get("baseline"), str) and raw["baseline"] not in names:
            errors.append(fault(("baseline",), "unknown_variant", "The baseline is not among the variants"))
    if raw.get("baseline") is None:
        raw["baseline"] = "original"  # there is no list to name the first of: that is fault enough
    until = raw.get("until")
    if isinstance(until, dict) and "seeds" not in raw:
        first = until.get("min_seeds", Until.model_fields["min_seeds"].default)
        if isinstance(first, int) and 0 < first <= MAX_SEEDS:
            raw["seeds"] = list(range(first))
    if isinstance(seeds := raw.get("seeds"), list):
        errors += _repeated(("seeds",), seeds, "This seed is listed before")
        if isinstance(variants, list) and len(seeds) * len(variants) > MAX_RUNS:
            errors.append(fault(("seeds",), "too_many_runs", f"Variants times seeds may be at most {MAX_RUNS} runs"))
    errors += _repeated(("vary",), raw.get("vary"))
    trained = raw["variants"] if isinstance(raw.get("variants"), list) else []
    for place, each in ((), raw), *((("variants", i), variant) for i, variant in enumerate(trained)):
        if isinstance(each, dict) and isinstance(training := each.get("training"), dict):
            errors += _repeated((*place, "training", "metrics"), training.get("metrics"))
    metadata = json.dumps(raw.get("metadata"), ensure_ascii=False, separators=(",", ":"))
    if len(metadata.encode(errors="surrogatepass")) > MAX_METADATA_BYTES:
        detail = f"Metadata may have at most {MAX_METADATA_BYTES} bytes as JSON"
        errors.append(fault(("metadata",), "metadata_too_large", detail))
    errors += _unstorable(raw.get("metadata"), ("metadata",))
    specification, invalid, more = _validated(raw)
    if specification is None:
        known = {e["pointer"] for e in errors}
        found = faults_of(invalid, body, raw, Specification, beside=("preset", "sweep"))
        errors += [each for each in found if each["pointer"] not in known]
    else:
        held_out = "split" in specification.vary or specification.search is not None
        if held_out and "validation" not in (raw.get("dataset") or {}):
            specification = _held_out(specification)
        errors += _cross_checks(specification)
    if errors or specification is None:
        raise SpecificationError(checks.placed(errors, body), more)
    return specification


def _repeated(place: tuple[str | int, ...], values: Any, detail: str = "It is listed before") -> list[dict[str, str]]:
    """Where in the list `values` something stands once more; a list that is too long for any field is not looked at."""
    return duplicates(values, place, detail) if isinstance(values, list) and len(values) <= MAX_SEEDS else []


def _validated(raw: dict[str, Any]) -> tuple[Specification | None, list[ErrorDetails], int]:
    """The specification, or the first of pydantic's faults and how many there are besides.

    Variants are validated one by one first: no other thread runs while pydantic looks for all faults of a document
    and tells them, and of 80,000 faults that takes most of a second.
    """
    # By way of JSON: strict there means JSON's own types, with lists for tuples.
    found: list[ErrorDetails] = []
    count, valid = 0, raw
    if isinstance(variants := raw.get("variants"), list):
        valid = {**raw, "variants": []}
        for i, variant in enumerate(variants):
            try:
                Variant.model_validate_json(json.dumps(variant))
            except ValidationError as invalid:
                count += invalid.error_count()
                if len(found) < MOST_FAULTS:
                    found += [{**each, "loc": ("variants", i, *each["loc"])} for each in told(invalid)]
            else:
                valid["variants"].append(variant)
    try:
        specification = Specification.model_validate_json(json.dumps(valid))
    except ValidationError as invalid:
        count += invalid.error_count()
        found = [*told(invalid), *found]
    else:
        if not found:
            return specification, [], 0
    return None, found[:MOST_FAULTS], max(0, count - MOST_FAULTS)


def resolve_description(body: Any) -> Description:
    """What a client's `{"name": ..., "tags": [...], "notes": ...}` changes.

    Raises `SpecificationError` with every fault, like `resolve`.
    """
    try:
        return Description.model_validate_json(json.dumps(body))
    except ValidationError as invalid:
        raise SpecificationError(list(faults_of(told(invalid), body, body, Description))) from None


def _held_out(specification: Specification) -> Specification:
    """With a part of the training rows held out: a split that is another for each seed needs some, and a search."""
    held_out = Holdout(holdout=max(1, round(HELD_OUT * specification.dataset.available)))
    dataset = specification.dataset.model_copy(update={"validation": held_out})
    return specification.model_copy(update={"dataset": dataset})


def _unstorable(value: Any, place: tuple[str | int, ...]) -> list[dict[str, str]]:
    """Where within `value` the character U+0000 is, which no text in PostgreSQL may have."""
    if isinstance(value, str):
        return [fault(place, "value_error", "U+0000 cannot be part of a text")] if "\0" in value else []
    if isinstance(value, dict):
        named = [
            fault((*place, name), "value_error", "U+0000 cannot be part of a name") for name in value if "\0" in name
        ]
        return named + [each for name, part in value.items() for each in _unstorable(part, (*place, name))]
    if isinstance(value, list):
        return [each for i, part in enumerate(value) for each in _unstorable(part, (*place, i))]
    return []


class _More(Model):
    seeds: tuple[Seed, ...] = Field(default=(), min_length=1, max_length=MAX_SEEDS)
    until: Until | None = None


def resolve_more(body: Any, specification: Specification) -> Specification:
    """`specification` with the seeds of a client's `{"seeds": [...]}` besides, or to be continued by an `until`.

    Raises `SpecificationError` with every fault, like `resolve`.
    """
    try:
        more = _More.model_validate_json(json.dumps(body))
    except ValidationError as invalid:
        raise SpecificationError(list(faults_of(told(invalid), body, body, _More))) from None
    if bool(more.seeds) == (more.until is not None):
        raise SpecificationError([fault((), "seeds_or_until", "Say `seeds`, or `until` when there are enough")])
    seeds = more.seeds
    errors = [
        fault(
            ("seeds", i), "duplicate", "The job has this seed" if seed in specification.seeds else "It is listed before"
        )
        for i, seed in enumerate(seeds)
        if seed in (*specification.seeds, *seeds[:i])
    ]
    errors += [
        fault(("seeds", i), "not_fresh", "The search trains its trials with this seed")
        for i, seed in enumerate(seeds)
        if specification.search and seed == specification.search.seed
    ]
    total = len(specification.seeds) + len(seeds)
    if total > MAX_SEEDS:
        errors.append(fault(("seeds",), "too_long", f"A job may have at most {MAX_SEEDS} seeds"))
    if total * len(specification.variants) > MAX_RUNS:
        errors.append(fault(("seeds",), "too_many_runs", f"Variants times seeds may be at most {MAX_RUNS} runs"))
    specification = specification.model_copy(
        update={"seeds": (*specification.seeds, *seeds), "until": more.until or specification.until}
    )
    errors += _check_until(specification) if more.until else []
    if errors:
        raise SpecificationError(errors)
    return specification


def _searched(raw: dict[str, Any]) -> dict[str, Any]:
    """`raw` with the baseline and the fresh seeds that a search needs, and without the trials of one that was done."""
    search = raw["search"]
    variants = raw.get("variants", ["original"])
    done = False
    if isinstance(variants, list):
        given = [each for each in variants if not (isinstance(each, dict) and each.get("trial") is not None)]
        done, variants = len(given) < len(variants), given
    if "seed" not in search and isinstance(raw.get("seeds"), list):
        search = {**search, "seed": next(seed for seed in itertools.count() if seed not in raw["seeds"])}
    raw = {**raw, "variants": variants, "search": search}
    final = search.get("final", {})
    if "seeds" not in raw:
        default = Final.model_fields["seeds"].default
        count = final.get("seeds", default) if isinstance(final, dict) else default
        if isinstance(count, int) and 0 < count <= MAX_SEEDS:
            raw["seeds"] = [seed for seed in range(count + 1) if seed != search.get("seed", 0)][:count]
    elif isinstance(raw["seeds"], list) and isinstance(final, dict):
        # A job that was searched may have been given seeds since.
        said = {} if done else final
        raw["search"] = {**search, "final": {**final, "seeds": said.get("seeds", len(raw["seeds"]))}}
    return raw


def trial_of(
    specification: Specification, values: Mapping[str, Value], number: int, space: int, after: int = 0
) -> Variant:
    """The variant that tries these values: the notebook's network changed by them, as in a sweep.

    `after`: see `models.search.Trial`. It is named by its values; by its number too if another variant has that name,
    or if they do not all fit in.
    """
    raw = variant_of(values)
    taken = {variant.name for variant in specification.variants}
    if raw["name"] in taken or len(raw["name"]) > MAX_VARIANT_NAME:
        raw["name"] = _numbered(raw["name"], number, taken)
    training = specification.training.model_dump(mode="json")
    raw = _expand(raw, 0, training, specification.dataset.train_samples, [])
    return Variant.model_validate_json(json.dumps({**raw, "trial": {"number": number, "space": space, "after": after}}))


def _numbered(name: str, number: int, taken: Collection[str]) -> str:
    """A trial's name with its number behind it; of values that do not fit in the first ones."""
    end = f" (trial {number})"
    while f"{name}{end}" in taken:
        end += "*"
    room = MAX_VARIANT_NAME - len(end)
    if len(name) > room:
        name = name[: room - 1].rpartition(" ")[0] + " …"
    return name + end


def probed(specification: Specification) -> list[tuple[tuple[str | int, ...], Variant]]:
    """The variants at the ends of what a specification searches, each with the place that asks for it."""
    if specification.search is None:
        return []
    return [
        (probe.place, trial_of(specification, probe.values, number, 0))
        for number, probe in enumerate(probes(specification.search))
        if probe.values
    ]


def _check_search(specification: Specification, others: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """What is wrong with `search`; what it may try is checked at the ends of what it searches.

    others: what is wrong with the rest of the specification, which no trial is to blame for.
    """
    search = specification.search
    if search is None:
        return []
    errors = check_spaces(search.spaces, [search.place(i) for i in range(len(search.spaces))]) + check_budget(search)
    data = specification.dataset
    measure = METRICS[search.metric].measure
    if not measure.loss and measure.name != data.task.measure:
        errors.append(fault(("search", "metric"), "not_for_task", f"It is not measured of {data.task.title}"))
    if search.seed in specification.seeds:
        detail = "Trials are trained with this seed, and finalists with fresh ones: leave it out of `seeds`"
        errors.append(fault(("search", "seed"), "not_fresh", detail))
    if len(specification.seeds) != search.final.seeds:
        detail = f"`seeds` has {len(specification.seeds)}: leave one of the two out"
        errors.append(fault(("search", "final", "seeds"), "not_as_many", detail))
    if search.pruner != "none" and specification.training.epochs < 2:
        detail = "A run of one epoch cannot be ended early: train more epochs, or leave it out"
        errors.append(fault(("search", "pruner"), "nothing_to_prune", detail))
    elif search.pruner != "none" and all(search.tries(i) <= search.first(i) for i in range(len(search.spaces))):
        detail = "A space's first trials all train to their end, and the budget has no more of them: leave it out"
        errors.append(fault(("search", "pruner"), "nothing_to_prune", detail))
    if not data.held_out:
        detail = 'The best values are chosen on rows held out: "validation": {"holdout": n}'
        errors.append(fault(("dataset", "validation"), "nothing_held_out", detail))
    if specification.until is None and (runs := specification.runs) > MAX_RUNS:
        detail = f"With all finalists there are {runs} runs; a job may have at most {MAX_RUNS}"
        errors.append(fault(("search", "budget"), "too_many_runs", detail))
    if len(specification.given) + search.trials > MAX_VARIANTS:
        detail = f"A job may have at most {MAX_VARIANTS} variants, each trial being one"
        errors.append(fault(("search", "budget"), "too_many_variants", detail))
    if errors:
        return errors
    known = {(each["pointer"], each["code"]) for each in others}
    for place, variant in probed(specification):
        tried = variant.model_copy(update={"training": variant.training or specification.training})
        alone = specification.model_copy(update={"variants": (tried,), "search": None, "until": None})
        for each in _cross_checks(alone):
            of_job = (each["pointer"].removeprefix("/variants/0"), each["code"]) in known
            if _is_of_variant(each["pointer"]) and not of_job:
                errors.append(fault(place, each["code"], each["detail"]))
    return narrowest(errors)


def narrowest(errors: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The faults without those of a whole space of which a part has a fault: all greatest values have it too."""
    places = {error["pointer"] for error in errors}
    whole = {place for place in places if any(other.startswith(f"{place}/") for other in places)}
    return [error for error in errors if error["pointer"] not in whole]


def _is_of_variant(pointer: str) -> bool:
    return pointer.startswith(("/variants/", "/sweep/"))


def _sweep(raw: dict[str, Any], sweep: Any, errors: list[dict[str, str]]) -> None:
    """Adds the sweep's variants to those of `raw`."""
    try:
        swept = sweeps.Sweep.model_validate_json(json.dumps(sweep))
    except ValidationError as invalid:
        errors += faults_of(told(invalid), sweep, sweep, sweeps.Sweep, ("sweep",))
        raw.setdefault("variants", ["original"])
        return
    axes = swept.grid.axes()
    if repeated := [each for axis, values in axes.items() for each in duplicates(values, ("sweep", "grid", axis))]:
        errors += repeated
        raw.setdefault("variants", ["original"])
        return
    variants = raw.get("variants", [])
    if isinstance(variants, list):
        if len(variants) + swept.size() > MAX_VARIANTS:
            detail = f"The sweep has {swept.size()} combinations; a job may have at most {MAX_VARIANTS} variants"
            errors.append(fault(("sweep", "grid"), "too_many_variants", detail))
            raw.setdefault("variants", ["original"])
            return
        made = swept.variants()
        if any(len(variant["name"]) > MAX_VARIANT_NAME for variant in made):
            detail = (
                f"A variant is named by its values, in at most {MAX_VARIANT_NAME} characters: sweep over fewer axes"
            )
            errors.append(fault(("sweep", "grid"), "too_many_axes", detail))
            raw.setdefault("variants", ["original"])
            return
        raw["variants"] = [*variants, *made]


def _named(parent: Any, field: str, name: str) -> Any:
    """`parent` with the name that is meant if `parent[field]` has none."""
    if isinstance(parent, dict) and isinstance(parent.get(field), dict):
        return {**parent, field: {"name": name, **parent[field]}}
    return parent


def _expand(variant: Any, index: int, training: dict[str, Any], samples: Any, errors: list[dict[str, str]]) -> Any:
    """A variant in full: a preset's name becomes its layers, what it does not say of `training` and `dataset` is the
    job's."""
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
            detail = f"Give the variant its layers, or the name of a preset: {choice}"
            errors.append(fault(where, "unknown_preset", detail + did_you_mean(preset, tuple(presets.VARIANTS))))
            variant["layers"] = []
    elif preset is not variant.get("name"):
        errors.append(fault(where, "preset_and_layers", "A variant has a preset or layers of its own, not both"))
    if isinstance(own := variant.get("training"), dict):
        # Without a name, an optimizer's fields are changes to the job's.
        changes, job = own.get("optimizer"), training.get("optimizer")
        if isinstance(changes, dict) and "name" not in changes and isinstance(job, dict):
            own = {**own, "optimizer": {**job, **changes}}
        variant["training"] = _named({**training, **own}, "optimizer", unnamed(OPTIMIZERS))
    if isinstance(variant.get("dataset"), dict):
        variant["dataset"] = {"train_samples": samples, **variant["dataset"]}
    return variant


def _check_until(specification: Specification) -> list[dict[str, str]]:
    """What is wrong with `until`, given the variants and the seeds that there are."""
    until = specification.until
    if until is None:
        return []
    errors = []
    measure = METRICS[until.metric].measure
    if not measure.loss and measure.name != specification.dataset.task.measure:
        detail = f"It is not measured of {specification.dataset.task.title}"
        errors.append(fault(("until", "metric"), "not_for_task", detail))
    if len(specification.variants) < 2 and not specification.search:
        errors.append(fault(("until",), "nothing_to_compare", "A comparison needs a variant besides the baseline"))
    least = max(until.min_seeds, len(specification.seeds))
    if until.max_seeds < least:
        errors.append(fault(("until", "max_seeds"), "too_small", f"At least {least} seeds will be trained"))
    if specification.runs > MAX_RUNS:
        detail = f"Variants times seeds may be at most {MAX_RUNS} runs"
        errors.append(fault(("until", "max_seeds"), "too_many_runs", detail))
    return errors


def _cross_checks(specification: Specification) -> list[dict[str, str]]:
    """The rules that join several fields."""
    errors = _check_until(specification)
    most = max((each.training or specification.training).epochs for each in specification.variants)
    errors += [
        fault(("keep", i), "too_large", f"No variant trains more than {most} epochs")
        for i, epoch in enumerate(specification.keep if isinstance(specification.keep, tuple) else ())
        if epoch > most
    ]
    if "split" in specification.vary and not specification.dataset.held_out:
        detail = 'A split that is another for each seed needs rows held out: "validation": {"holdout": n}'
        errors.append(fault(("dataset", "validation"), "nothing_held_out", detail))
    for i, variant in enumerate(specification.variants):
        first = on_inputs(variant.layers)
        if first < len(variant.layers) and not variant.layers[first].reads:
            detail = "The first layer must be dense: it reads the inputs; only dropout or noise may be before it"
            errors.append(fault(("variants", i, "layers", first), "first_layer_not_dense", detail))
    trainings: list[tuple[tuple[str | int, ...], Training]] = [(("training",), specification.training)]
    trainings += [
        (("variants", i, "training"), variant.training)
        for i, variant in enumerate(specification.variants)
        if variant.training
    ]
    task = specification.dataset.task
    fitting = f"to ask for are: {', '.join(name for name in offered(task) if name in ASKED) or 'none'}"
    for within, training in trainings:
        recorded = training.recorded(task)
        if training.early_stopping and training.early_stopping.monitor not in recorded:
            detail = f"No epoch will have it; each records: {', '.join(recorded)}"
            errors.append(fault((*within, "early_stopping", "monitor"), "not_recorded", detail))
        errors += [
            fault((*within, "metrics", i), "not_for_task", f"It has no meaning for {task.title}; {fitting}")
            for i, name in enumerate(training.metrics)
            if name not in offered(task)
        ]
    for i, variant in enumerate(specification.variants):
        run = specification.run(variant.name, 0)
        errors += checks.of_words(run.dataset, ("variants", i, "dataset", "num_words"))
        place: tuple[str | int, ...] = ("variants", i, "training") if variant.training else ("training",)
        errors += checks.of_training(run.dataset, place, run.training)
    data = specification.dataset
    if not data.validated_on:
        detail = 'There are no test rows: validate on held-out ones, such as {"holdout": 0.2}'
        errors.append(fault(("dataset", "validation"), "no_test_rows", detail))
    if data.held_out >= data.available:
        detail = f"It must leave {data.rows} to train on: there are {data.available}"
        errors.append(fault(("dataset", "validation", "holdout"), "too_large", detail))
    available = data.available - data.held_out
    wanted: dict[tuple[str | int, ...], int | None] = {("dataset", "train_samples"): data.train_samples}
    for i, variant in enumerate(specification.variants):
        if variant.dataset:
            swept = variant.swept is not None and "train_samples" in variant.swept
            place = ("sweep", "grid", "train_samples") if swept else ("variants", i, "dataset", "train_samples")
            wanted[place] = max(variant.dataset.train_samples or 0, wanted.get(place) or 0)
    for place, samples in wanted.items():
        if samples is not None and samples > available > 0:
            errors.append(fault(place, "too_large", f"There are {available} {data.rows} to train on"))
    return errors + _check_search(specification, errors)
