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
        texts = [json.dumps(run_json(export.jobs[history.run_id], history)) for history in chunk]
        yield (between + ", ".join(texts)).encode()
        between = ", "
    yield b"]}"


def run_json(job_id: str, history: RunHistory) -> dict[str, Any]:
    """One run's history."""
    return {
        "run_id": history.run_id,
        "job_id": job_id,
        "variant": history.variant,
        "seed": history.seed,
        "status": history.status,
        "epochs": list(history.epochs),
        "metrics": {name: finite(values) for name, values in history.metrics.items()},
        "nonfinite": [entry.model_dump() for entry in nonfinite(history)],
    }


FORMAT = Format("json", "application/json", "json", write, text=True)
