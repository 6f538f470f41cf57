"""The OpenAPI document: FastAPI's own, with the models that routes refer to by name."""

from __future__ import annotations

import json
import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.comparisons import ComparisonChanges, ComparisonRequest
from api.predictions import PredictRequest
from api.problems import Problem
from api.requests import ChangesRequest, JobRequest, SeedsRequest
from api.webhooks import WebhookRequest
from models.documents import EXACT
from models.tabular.options import Options

MAKERS = {
    "create_job": ("202", {"job_id": "$response.body#/id", "run_id": "$response.body#/runs/0/id"}),
    "create_comparison": ("201", {"comparison_id": "$response.body#/id"}),
    "create_dataset": ("201", {"dataset_id": "$response.body#/id"}),
    "create_webhook": ("201", {"webhook_id": "$response.body#/id"}),
}
"""Operations that make something: the status they make it with, and where its ids are in their answer."""

CONSTANT = {"metric": "val_data_loss", "format": "png"}

REQUESTS = (
    ChangesRequest,
    ComparisonChanges,
    ComparisonRequest,
    JobRequest,
    SeedsRequest,
    PredictRequest,
    WebhookRequest,
    Options,
)

REF = "#/components/schemas/{model}"


def install(app: FastAPI) -> None:
    """Makes `app.openapi()` complete; made once, when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            _, named = models_json_schema(
                [
                    *((model, "validation") for model in REQUESTS),
                    (Problem, "serialization"),
                ],
                ref_template=REF,
            )
            if root := app.state.settings.root_path:
                made["servers"] = [{"url": root}]
            made.setdefault("components", {}).setdefault("schemas", {}).update(named["$defs"])
            _describe_defaults(made["components"]["schemas"])
            _bound_integers(made)
            _link(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _describe_defaults(schemas: dict[str, Any]) -> None:
    """Says in words what a field's default is where that is an object: generators of clients refuse such a schema."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if isinstance(field.get("default"), dict):
                default = f"default `{json.dumps(field.pop('default'))}`"
                field["description"] = "; ".join([*filter(None, [field.get("description")]), default])


def _bound_integers(node: Any) -> None:
    """Says of each integer that may pass 2**31 - 1 that it takes 64 bits: clients of many languages begin with 32."""
    if isinstance(node, dict):
        if node.get("type") == "integer" and node.get("maximum", EXACT) > 2**31 - 1:
            node |= {"format": "int64", "maximum": node.get("maximum", EXACT)}
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            _bound_integers(part)


def _link(document: dict[str, Any]) -> None:
    """Links whatever makes a thing to all that can be done with it, so that tools can follow."""
    operations = [
        (operation, set(re.findall(r"{(\w+)}", path)))
        for path, methods in document["paths"].items()
        for operation in methods.values()
    ]
    by_id = {operation["operationId"]: operation for operation, _ in operations}
    for maker, (status, ids) in MAKERS.items():
        links = by_id[maker]["responses"][status].setdefault("links", {})
        for operation, parameters in operations:
            if parameters & ids.keys() and parameters <= ids.keys() | CONSTANT.keys():
                links[operation["operationId"]] = {
                    "operationId": operation["operationId"],
                    "parameters": {name: (ids | CONSTANT)[name] for name in sorted(parameters)},
                }
