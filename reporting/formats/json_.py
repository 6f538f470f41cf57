"""JSON: one object, `runs` in it, each with one list per metric."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from models.history import RunHistory
from reporting.formats.base import Export, Format
from reporting.summary import finite, nonfinite


def write(export: Export) -> Iterator[bytes]:
    """`head`, then `runs`."""
    yield json.dumps(export.head)[:-1].encode() + b', "runs": ['
    between = ""
    for chunk in export.chunks:
        texts = [json.dumps(_run(export, history)) for history in chunk]
        yield (between + ", ".join(texts)).encode()
        between = ", "
    yield b"]}"


def _run(export: Export, history: RunHistory) -> dict[str, Any]:
    """One run's history. Without an epoch yet it has an empty list for each metric that is to come."""
    job_id = export.jobs[history.run_id]
    to_come: dict[str, list[float | None]] = {} if history.epochs else {name: [] for name in export.recorded[job_id]}
    return {
        "run_id": history.run_id,
        "job_id": job_id,
        "variant": history.variant,
        "seed": history.seed,
        "status": history.status,
        "epochs": list(history.epochs),
        "metrics": to_come | {name: finite(values) for name, values in history.metrics.items()},
        "nonfinite": [entry.model_dump() for entry in nonfinite(history)],
    }


FORMAT = Format("json", "application/json", "json", write, text=True)
