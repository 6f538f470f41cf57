"""The body of `POST /v1/jobs` as the OpenAPI document describes it.

What is accepted is decided by `models.resolution.resolve` alone; these models describe its
input, in which presets stand for layers and defaults may be left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from api.body import documented_body
from models import presets
from models import specification as spec
from models.kinds.datasets import DATASETS, AnyDataset
from models.kinds.kind import Model, Seed, default
from models.kinds.layer import MAX_LAYERS
from models.kinds.layers import AnyLayer
from models.names import Name, VariantName
from models.search import Search
from models.sweeps import Sweep
from models.until import MAX_SEEDS, Until

if TYPE_CHECKING:
    VariantPreset = str
    JobPreset = str
else:
    VariantPreset, JobPreset = Literal[tuple(presets.VARIANTS)], Literal[tuple(presets.JOBS)]

EXAMPLES: dict[str, Any] = {
    "notebook": {"summary": "The notebook's experiment", "value": {"preset": "notebook"}},
    "seeds": {
        "summary": "Two remedies over three seeds, on small made reviews",
        "value": {
            "name": "l2 against dropout",
            "dataset": {"name": "synthetic"},
            "variants": ["original", "l2", "dropout"],
            "seeds": [0, 1, 2],
        },
    },
    "layers": {
        "summary": "Layers of one's own",
        "value": {
            "dataset": {"name": "synthetic"},
            "training": {"epochs": 5},
            "variants": [
                "original",
                {
                    "name": "l2-strong",
                    "layers": [
                        {
                            "type": "dense",
                            "units": 16,
                            "activation": "relu",
                            "kernel_regularizer": {"l1": 0.0, "l2": 0.01},
                        },
                        {"type": "dropout", "rate": 0.5},
                    ],
                },
            ],
        },
    },
}


class VariantRequest(Model):
    """A variant: a preset under its own or another name, or layers of one's own."""

    name: VariantName
    preset: VariantPreset | None = None
    layers: Annotated[tuple[AnyLayer, ...], Field(max_length=MAX_LAYERS)] | None = None
    training: spec.Training | None = None
    dataset: spec.DatasetOverride | None = None


class SearchRequest(Search):
    """A search; beside a preset with a search of its own, only the fields of it that are to be others."""

    model_config = ConfigDict(json_schema_extra={"required": []})


class JobRequest(Model):
    """An experiment: only `variants` (or a `preset`, a `sweep` or a `search` that says them) is required."""

    model_config = ConfigDict(
        json_schema_extra={
            "required": [],
            # Within allOf: generators of clients take an object with anyOf beside its fields for a union of no type.
            "allOf": [{"anyOf": [{"required": [one]} for one in ("variants", "preset", "sweep", "search")]}],
        }
    )

    preset: JobPreset | None = None
    name: Name = "untitled"
    dataset: AnyDataset = default(DATASETS)
    training: spec.Training = spec.Training()
    variants: tuple[VariantPreset | VariantRequest, ...] = Field(min_length=1, max_length=spec.MAX_VARIANTS)
    sweep: Sweep | None = None
    baseline: VariantName | None = None
    seeds: tuple[Seed, ...] = Field(
        default=(0,),
        min_length=1,
        max_length=MAX_SEEDS,
        description="Each variant is trained once with each; beside `until` those that are trained first",
    )
    until: Until | None = Field(
        default=None,
        description="In place of `seeds`, also of a preset's: seeds are added until the comparisons are decided",
    )
    search: SearchRequest | None = None
    vary: tuple[spec.Varied, ...] = Field(
        default=spec.VARIED,
        min_length=1,
        max_length=3,
        description="What is another for each seed: `seed` (initial weights, order of batches, noise), `split` (which "
        "rows are held out), `sample` (a bootstrap sample of the rows trained on). Always the same for all variants",
    )
    keep: spec.Keep = Field(
        default="chosen",
        description="The epochs whose models are kept beside that of the chosen one: none (`chosen`), the `last`, "
        "`every`, or those of these numbers",
    )
    reuse: Literal["allow", "never"] = "allow"
    metadata: dict[str, JsonValue] = Field(
        default={},
        max_length=spec.MAX_METADATA,
        description=f"One's own, for finding the job again: at most {spec.MAX_METADATA_BYTES} bytes as JSON",
    )
    tags: spec.Tags = Field(default=(), description="Words to find the job by")
    notes: spec.Notes = Field(default="", description="Text of one's own")

    @classmethod
    def documented(cls) -> dict[str, Any]:
        """OpenAPI's request body; `variants` may be left out beside a `preset`."""
        return documented_body(cls, examples=EXAMPLES)


class ChangesRequest(spec.Description):
    """What is to change of a job's description; what is left out stays."""

    @classmethod
    def documented(cls) -> dict[str, Any]:
        """OpenAPI's request body."""
        example = {"name": "dropout, second try", "tags": ["paper"], "notes": "With the learning rate halved."}
        return documented_body(cls, example=example)


class SeedsRequest(Model):
    """Further seeds of a job."""

    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=MAX_SEEDS)] | None = None
    until: Until | None = None

    @classmethod
    def documented(cls) -> dict[str, Any]:
        """OpenAPI's request body."""
        return documented_body(cls, example={"seeds": [1, 2, 3, 4]})
