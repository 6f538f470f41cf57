"""A job's report and its archive, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from api.access import Reader
from api.conditional import answered, cached
from api.job_versions import etag_of, find_version
from api.lanes import DRAWING, Computed, Streamed
from api.objects import read_job
from api.problems import documented
from api.routing import Route
from reporting import bundle, report
from reporting.results import results_of

router = APIRouter(tags=["results"], route_class=Route)

ZIP = "application/zip"

HEADERS = {
    # Figures have styles of their own; there is no script, and nothing is fetched.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
}


@router.get(
    "/jobs/{job_id}/report.html",
    summary="Get a job's report",
    response_class=HTMLResponse,
    responses={304: {"description": "Nothing has changed"}, **documented(404, 409, 422)},
)
def get_report(request: Request, access: Reader, job_id: str) -> Response:
    """Figures, verdicts, comparisons, specification and fingerprint on one self-contained page without scripts."""
    with access.database.read() as session:
        headers = cached(etag_of(request, {job_id: find_version(access, session, job_id)}), **HEADERS)
        if same := answered(request, headers):
            return same
        error = read_job(session, job_id).error
        job = access.job(session, job_id)
    said = error.message if error else None
    return Computed(
        DRAWING, lambda: report.render(results_of(access.database, job), said).encode(), headers, "text/html"
    )


@router.get(
    "/jobs/{job_id}/bundle.zip",
    summary="Download a job's archive",
    response_class=Response,
    responses={
        200: {
            "description": "The archive",
            "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
        },
        304: {"description": "Nothing has changed"},
        **documented(404, 409, 422),
    },
)
def get_bundle(request: Request, access: Reader, job_id: str) -> Response:
    """Specification, fingerprints, histories, figures, analysis, and a script that trains the same with plain Keras."""
    with access.database.read() as session:
        headers = cached(etag_of(request, {job_id: find_version(access, session, job_id)}))
        if same := answered(request, headers):
            return same
        shown = read_job(session, job_id).model_dump(mode="json")
        job = access.job(session, job_id)
    headers["Content-Disposition"] = f'attachment; filename="{job_id}.zip"'

    def parts() -> Iterator[bytes]:
        yield from bundle.zipped(results_of(access.database, job), shown)

    return Streamed(DRAWING, parts(), headers, ZIP)
