"""What an analysis has to know of a job beside its histories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models.specification import VARIED, Varied, dataset_of, until_of, vary_of
from models.tables import Run
from reporting.reading import RunRow

AT_ONCE = timedelta(milliseconds=10)
"""Runs made within this were submitted together: of runs that version 0.1 had queued again milliseconds are known."""


@dataclass(frozen=True)
class Setting:
    """How a job came by its numbers.

    vary: what was another for each seed. held_out: the rows that were held out of training; 0 if the test set
    validates. validated_on: the rows of the validation set; None if that is not known. parameters: of each variant's
    network. updates: of the weights in an epoch, of each variant. places: where in a sweep's grid variants lie. grown:
    whether seeds were added to the job after it was submitted. decides: whether its `until` decides how many seeds
    there are. jobs: of how many jobs they are.
    """

    vary: Sequence[Varied] = VARIED
    held_out: int = 0
    validated_on: int | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    updates: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    grown: bool = False
    decides: bool = False
    jobs: int = 1


def setting_of(spec: Mapping[str, Any], runs: Sequence[RunRow | Run]) -> Setting:
    """The setting of a job with the stored specification `spec` and these runs, all of its own."""
    dataset = dataset_of(spec)
    created: dict[str, list[datetime]] = {}
    for run in runs:  # a search adds variants with all their seeds at once
        created.setdefault(run.variant, []).append(run.created_at)
    return Setting(
        vary=vary_of(spec),
        held_out=dataset.held_out,
        validated_on=dataset.validated_on,
        parameters={run.variant: run.parameters for run in runs},
        updates=_updates(spec, dataset.trained_on),
        places={
            each["name"]: each["swept"] for each in spec["variants"] if each.get("swept") and each.get("trial") is None
        },
        grown=any(max(times) - min(times) > AT_ONCE for times in created.values()),
        decides=until_of(spec) is not None,
    )


def _updates(spec: Mapping[str, Any], trained_on: int) -> dict[str, int]:
    """One per batch, the last of an epoch being smaller if the rows do not fill it."""
    found = {}
    for variant in spec["variants"]:
        rows = (variant["dataset"] or {}).get("train_samples") or trained_on
        found[variant["name"]] = math.ceil(rows / (variant["training"] or spec["training"])["batch_size"])
    return found
