"""The notebook's networks and its ready-made experiment, by name.

Source: the overfitting notebook of *Deep Learning with Python* (chapter 4.4): two hidden layers
of 16 units, and one change to them at a time. Values are raw specifications; whatever is not
named here takes its default in `models.specification`. `remedies` has the remedies against
overfitting, each with its strength searched on rows held out. A data set may have a ready-made
job of its own (`Dataset.job`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.kinds.datasets import DATASETS
from models.kinds.metrics import VAL_DATA_LOSS
from models.kinds.networks import Layers, hidden, with_dropout

VARIANTS: dict[str, Layers] = {
    "original": hidden(16),
    "smaller": hidden(4),
    "bigger": hidden(512),
    "l2": hidden(16, kernel_regularizer={"l2": 0.001}),
    "l1": hidden(16, kernel_regularizer={"l1": 0.001}),
    "l1_l2": hidden(16, kernel_regularizer={"l1": 0.001, "l2": 0.001}),
    "dropout": with_dropout(hidden(16), 0.5),
}

DESCRIPTIONS: dict[str, str] = {
    "original": "two hidden layers of 16 units",
    "smaller": "two hidden layers of 4 units",
    "bigger": "two hidden layers of 512 units",
    "l2": "original with an L2 penalty of 0.001 on its kernels",
    "l1": "original with an L1 penalty of 0.001 on its kernels",
    "l1_l2": "original with L1 and L2 penalties of 0.001 on its kernels",
    "dropout": "original with dropout of 0.5 after each hidden layer",
}

_MONITOR = {"monitor": VAL_DATA_LOSS}
_PLATEAU = {**_MONITOR, "factor": 0.5, "patience": 1}


def _trained(name: str, **training: Any) -> dict[str, Any]:
    """The original network, trained otherwise."""
    return {"name": name, "preset": "original", "training": training}


JOBS: dict[str, dict[str, Any]] = {
    "notebook": {
        "name": "notebook",
        "variants": ["original", "smaller", "bigger", "l2", "dropout"],
        "baseline": "original",
    },
    "remedies": {
        "name": "remedies",
        "dataset": {"validation": {"holdout": 10_000}},
        "variants": [
            "original",
            _trained("averaged weights", optimizer={"use_ema": True, "ema_overwrite_frequency": 30}),
            _trained("reduced rate", optimizer={"learning_rate": {"reduce_on_plateau": _PLATEAU}}),
            _trained("early stopping", early_stopping={**_MONITOR, "patience": 2, "restore_best": True}),
        ],
        "baseline": "original",
        "search": {
            "space": [
                {"units": {"low": 2, "high": 12, "log": True}},
                {"l1": {"low": 1e-6, "high": 1e-2, "log": True}},
                {"l2": {"low": 1e-5, "high": 1e-1, "log": True}},
                {"dropout": {"low": 0.1, "high": 0.8}},
                {"input_dropout": {"low": 0.05, "high": 0.8}},
                {"noise": {"low": 0.01, "high": 1, "log": True}},
                {"max_norm": {"low": 0.1, "high": 4, "log": True}},
                {"weight_decay": {"low": 1e-3, "high": 1, "log": True}},
                {"label_smoothing": {"low": 0.01, "high": 0.4, "log": True}},
            ],
            "budget": {"runs": 72},
            "final": {"top": 1},
        },
    },
    **{
        name: {"name": name, **kind.job, "dataset": {"name": name, **kind.job.get("dataset", {})}}
        for name, kind in DATASETS.items()
        if kind.job
    },
}


def with_changes(job: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """A ready-made job with the fields of a client's `body` in place of its own.

    Those of its `search`, and of the `final` in it, are replaced one by one: spaces need not be said again for another
    budget. `until` replaces `seeds` too.
    """
    replaced = {"seeds"} if body.get("until") is not None else set()
    changed = {**{name: value for name, value in job.items() if name not in replaced}, **body}
    if isinstance(own := job.get("search"), dict) and isinstance(said := body.get("search"), dict):
        changed["search"] = {**own, **said}
        if isinstance(own.get("final"), dict) and isinstance(said.get("final"), dict):
            changed["search"]["final"] = {**own["final"], **said["final"]}
    return changed
