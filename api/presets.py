"""The named variants and jobs, resolved."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, JsonValue

from api.access import Reader
from api.problems import documented
from api.routing import Route
from models import presets
from models.estimates import cost_of
from models.resolution import resolve

router = APIRouter(tags=["presets"], route_class=Route)


class VariantPreset(BaseModel):
    """A network by its name."""

    name: str
    description: str
    layers: list[dict[str, JsonValue]]
    parameters: int


class JobPreset(BaseModel):
    """A ready-made experiment."""

    name: str
    spec: dict[str, JsonValue]


class Presets(BaseModel):
    """What a specification may name."""

    object: Literal["presets"] = "presets"
    variants: list[VariantPreset]
    jobs: list[JobPreset]


@router.get("/presets", response_model=Presets, summary="List presets", responses=documented(422))
def get_presets(access: Reader) -> Any:
    """Every named variant and job, with all defaults filled in."""
    specification = resolve({"variants": list(presets.VARIANTS)})
    return {
        "object": "presets",
        "variants": [
            {
                **variant.model_dump(mode="json", include={"name", "layers"}),
                "description": presets.DESCRIPTIONS[variant.name],
                "parameters": cost_of(specification.run(variant.name, 0)).parameters,
            }
            for variant in specification.variants
        ],
        "jobs": [{"name": name, "spec": resolve({"preset": name}).model_dump(mode="json")} for name in presets.JOBS],
    }
