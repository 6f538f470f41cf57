"""The named variants and jobs, resolved."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from models import presets
from models.resolution import resolve
from models.specification import count_parameters

router = APIRouter(tags=["presets"])


@router.get("/presets", summary="The named variants and jobs")
def get_presets() -> dict[str, Any]:
    """Every preset as a specification may hold it, nothing left implicit."""
    specification = resolve({"variants": list(presets.VARIANTS)})
    words = specification.dataset.num_words
    return {
        "object": "presets",
        "variants": [
            {
                **variant.model_dump(mode="json", include={"name", "layers"}),
                "description": presets.DESCRIPTIONS[variant.name],
                "parameters": count_parameters(variant.layers, words),
            }
            for variant in specification.variants
        ],
        "jobs": [{"name": name, "spec": resolve({"preset": name}).model_dump(mode="json")} for name in presets.JOBS],
    }
