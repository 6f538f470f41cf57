"""A job's report and its archive, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from sqlalchemy import select

from api.access import Reader
from api.conditional import is_known
from api.problems import documented
from api.schemas import job_object
from api.selection import Chosen, etag_of
from models.database import now
from reporting import bundle, report
from reporting.gathered import results_of

router = APIRouter(tags=["results"])

ZIP = "application/zip"

HEADERS = {
    # Figures have styles of their own; there is no script, and nothing is fetched.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}


@router.get(
    "/jobs/{job_id}/report.html",
    summary="A report to read and print",
    response_class=HTMLResponse,
    responses={304: {"description": "Nothing has changed"}, **documented(404, 422)},
)
def get_report(request: Request, access: Reader, job_id: str) -> Response:
    """Figures, verdicts, comparisons, specification and fingerprint on one self-contained page without scripts."""
    with access.database.read() as session:
        job = access.job(session, job_id)
        headers = {**HEADERS, "ETag": etag_of(request, [Chosen(job, job.runs)])}
        if is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        results = results_of(session, job)
    return HTMLResponse(report.render(results), 200, headers)


@router.get(
    "/jobs/{job_id}/bundle.zip",
    summary="Everything in one archive",
    response_class=Response,
    responses={
        200: {
            "description": "The archive",
            "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
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
    return StreamingResponse(bundle.zipped(results, shown), 200, headers, ZIP)
