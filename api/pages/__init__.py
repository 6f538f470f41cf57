"""The pages that a person watches, compares and submits with.

They are frames: what they show, their scripts fetch from the public API, with the reader's own key.
Whatever the API already knows (fields and their limits, metrics' names, colours and marks) reaches
them through the templates, and is written nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.pages.forms import forms, layers_in_words
from api.root_path import public_path
from models.kinds.metric import Of
from models.kinds.metrics import DATA_LOSS, EFFECTS, LOSS, MEASURES, METRICS, PAIRS, UNPENALISED, label
from models.kinds.tasks import TASKS
from models.kinds.weights import WEIGHTS
from models.tables import Status
from reporting.formats import FORMATS
from reporting.plots.style import DASHES, MARKS, THEMES
from reporting.smallest import SmallestFrom, whose

STATIC = Path(__file__).parent / "static"

POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
"""Nothing inline, nothing from elsewhere."""

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (*POLICY, "img-src 'self' blob:", "require-trusted-types-for 'script'", "trusted-types 'none'")
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""And no text ever becomes markup in a script (trusted types)."""

SWAGGER_UI = {
    **HEADERS,
    # Its icons are in its style sheet; and it does make markup in scripts, of the document's descriptions.
    "Content-Security-Policy": "; ".join((*POLICY, "img-src 'self' blob: data:")),
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
templates = Environment(
    loader=PackageLoader("api.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.policies["json.dumps_kwargs"] = {"sort_keys": False}  # layers and fields in the order of the models
templates.globals.update(at=public_path, marks=MARKS, statuses=list(Status), layers=layers_in_words())
templates.globals.update(formats=[f"{format.name}:{format.ending}" for format in FORMATS.values()])


def _choices() -> Iterator[tuple[str, str, bool]]:
    """What a figure may show: a metric or a pair, its label, and whether every job records it.

    The view says whether penalties are in it, so what is the same without them is no choice of its own.
    """
    own = {name: metric for name, metric in METRICS.items() if name not in UNPENALISED.values()}
    for measure in dict.fromkeys(metric.measure for metric in own.values()):
        yield Of.VALIDATION + measure.name, label(Of.VALIDATION + measure.name), measure.loss
        if measure.plural:
            yield measure.name, label(measure.name), measure.loss
            yield measure.plural, f"{label(measure.plural)}, training and validation", measure.loss
    yield from ((name, label(name), False) for name, metric in own.items() if metric.of == Of.EVALUATED)


_VALIDATION = [name for name, metric in METRICS.items() if metric.of == Of.VALIDATION]
_ENDS = [f"{when}_{name}" for when in ("best", "final") for name in _VALIDATION]
_TESTED = [f"test_{name}" for name, measure in MEASURES.items() if not measure.asked]
_READ = (*METRICS, *PAIRS, *EFFECTS, "best_epoch", *_ENDS, *_TESTED)
_LABELS = {name: label(name) for name in _READ}

templates.globals.update(
    choices=list(_choices()),
    metrics={
        "labels": _LABELS,
        "tasks": {
            name: {
                "measure": Of.VALIDATION + task.measure,
                "labels": {each: own for each in _LABELS if (own := label(each, task)) != _LABELS[each]},
            }
            for name, task in TASKS.items()
        },
        # Followed by a point and the layer's name.
        "weights": {name: f"{measure.title[:1].upper()}{measure.title[1:]} of" for name, measure in WEIGHTS.items()},
        "matters": {each: whose(each, "{baseline}") for each in get_args(SmallestFrom)},
        "trained": LOSS.plural,
        "tested": DATA_LOSS.name,
        "pairs": PAIRS,
        "unpenalised": UNPENALISED,
        "losses": [name for name, metric in METRICS.items() if metric.measure.loss],
        "higher": [name for name, metric in METRICS.items() if metric.measure.higher_is_better],
        "least": {name: least for name, metric in METRICS.items() if (least := metric.measure.bounds[0]) > -math.inf},
        "most": {name: most for name, metric in METRICS.items() if (most := metric.measure.bounds[1]) < math.inf},
    },
)


def _page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(
        templates.get_template(template).render(**values), headers={**HEADERS, "Cache-Control": "no-cache"}
    )


@router.get("/")
def jobs() -> Response:
    """All jobs, newest first."""
    return _page("jobs.html")


@router.get("/jobs/{job_id}")
def job(job_id: str) -> Response:
    """One job: its curves, its runs, its comparison with the baseline."""
    return _page("job.html", job_id=job_id)


@router.get("/runs/{run_id}")
def run(run_id: str) -> Response:
    """A run's model: rows to write, and what it says of them."""
    return _page("run.html", run_id=run_id)


@router.get("/new")
def new() -> Response:
    """The form that makes a job."""
    return _page("new.html", **forms())


@router.get("/compare")
def compare() -> Response:
    """Several jobs or runs in one figure; which ones, the address says."""
    return _page("compare.html")


@router.get("/datasets")
def datasets() -> Response:
    """Data sets: send a table, see what was found in it."""
    return _page("datasets.html")


@router.get("/datasets/{dataset_id}")
def dataset(dataset_id: str) -> Response:
    """One data set: what was found in it, and its rows."""
    return _page("dataset.html", dataset_id=dataset_id)


@router.get("/docs")
def docs() -> Response:
    """The API's own page: every operation, and a form to try it. Swagger UI, from a package and not from elsewhere."""
    return HTMLResponse(templates.get_template("docs.html").render(), headers=SWAGGER_UI)


@router.get("/palette.css")
def palette() -> Response:
    """The plots' colours and dashes as style sheet, in light and in dark."""
    style = templates.get_template("palette.css").render(themes=THEMES, dashes=DASHES)
    return Response(style, headers={**HEADERS, "Cache-Control": "no-cache"}, media_type="text/css")


class _Static(StaticFiles):
    """Files asked for anew each time, and sent only where they changed (ETag): an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update({**HEADERS, "Cache-Control": "no-cache"})
        return response


def install(app: FastAPI) -> None:
    """Puts the pages at the root of `app`."""
    app.include_router(router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.mount("/swagger-ui", _Static(packages=[("fastapi_offline", "static")]), name="swagger-ui")
