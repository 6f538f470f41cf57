"""The OpenAPI document: FastAPI's own, with the models that routes refer to by name."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.problems import Problem
from api.requests import JobRequest

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
            _, named = models_json_schema([(JobRequest, "validation"), (Problem, "serialization")], ref_template=REF)
            made.setdefault("components", {}).setdefault("schemas", {}).update(named["$defs"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
