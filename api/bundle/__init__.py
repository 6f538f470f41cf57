"""A job in one archive: what was asked for, what came of it, figures, and a script that trains it without Ockham."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from api import formats
from api.access import Reader
from api.conditional import is_known
from api.problems import documented
from api.report import Results, figures, fingerprints, render, results_of
from api.schemas import job_object
from api.selection import Chosen, etag_of
from models.database import now
from models.history import EVALUATED, METRICS

router = APIRouter(tags=["results"])

MEDIA_TYPE = "application/zip"
WIDTH = 1200
"""Of a figure, in pixels."""

README = """\
{name}
{line}

specification.json  the whole experiment, nothing left implicit; submit it again as it stands
job.json            the job with its runs
fingerprints.json   what the runs were trained under, and which ones
history.csv         every epoch of every run; history.parquet the same
metrics.json        the final and the best epoch of each run, and means over seeds
analysis.json       overfitting and comparisons; analysis-keras.json with Keras's losses, penalties included
report.html         all of it to read and print
figures/            as PNG and SVG
train.py            trains the same variants with Keras alone:

    pip install keras tensorflow
    python train.py

The script's numbers differ from these as those of another seed would: Keras draws other initial
weights and other batches than the service.
"""


@router.get(
    "/jobs/{job_id}/bundle.zip",
    summary="Everything in one archive",
    response_class=Response,
    responses={
        200: {
            "description": "The archive",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "Nothing has changed"},
        **documented(404, 422),
    },
)
def get_bundle(request: Request, access: Reader, job_id: str) -> Response:
    """Specification, fingerprints, histories, figures, analysis, and a script that trains the same with plain Keras."""
    with access.database.read() as session:
        job = access.job(session, job_id)
        headers = {"ETag": etag_of(request, [Chosen(job, job.runs)]), "Cache-Control": "private, no-cache"}
        if is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        results = results_of(session, job)
        shown = job_object(job, session.scalars(select(now())).one()).model_dump(mode="json")
    headers["Content-Disposition"] = f'attachment; filename="{job_id}.zip"'
    return StreamingResponse(_zipped(results, shown), 200, headers, MEDIA_TYPE)


def _zipped(results: Results, job: dict[str, Any]) -> Iterator[bytes]:
    """The archive, piece by piece."""
    changed = results.job.finished_at or results.job.created_at
    return formats.zipped((f"{results.job.id}/{name}", changed, pieces) for name, pieces in _contents(results, job))


def _contents(results: Results, job: dict[str, Any]) -> Iterator[tuple[str, Iterable[bytes]]]:
    name = results.job.name
    yield "README.txt", [README.format(name=name, line="=" * len(name)).encode()]
    yield "specification.json", _json(results.job.spec)
    yield "job.json", _json(job)
    yield "fingerprints.json", _json(fingerprints(results.runs))
    evaluated = any(metric in history.metrics for history in results.histories for metric in EVALUATED)
    metrics = METRICS + EVALUATED if evaluated else METRICS
    chunk = [(results.job.id, history) for history in results.histories]
    yield "history.csv", formats.as_csv([chunk], metrics)
    yield "history.parquet", formats.as_parquet([chunk], metrics)
    yield "metrics.json", _json(results.metrics)
    yield "analysis.json", _json(results.analysis)
    yield "analysis-keras.json", _json(results.keras)
    yield "report.html", [render(results).encode()]
    for format in ("png", "svg"):
        for figure, drawn in figures(results, format, WIDTH):
            yield f"figures/{figure}.{format}", [drawn]
    yield "train.py", [files("api.bundle").joinpath("train.py.txt").read_bytes()]


def _json(value: Any) -> list[bytes]:
    return [json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"]
