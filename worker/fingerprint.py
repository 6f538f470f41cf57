"""What a run's numbers depend on beside its specification."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tensorflow as tf

ENGINE = ("training.py", "network.py", "objective.py", "plateau.py", "sparse.py", "model.py", "checkpoint.py")
"""The code that a run's numbers depend on."""

PROMISE = "The same specification and seed give a bit-identical history and weights where all of this agrees."
"""A constant, to the letter: stored results are found again by a hash of the whole fingerprint."""


def fingerprint(sha256: str) -> dict[str, Any]:
    """Versions, processor, threads and data set (its `sha256`), and what is promised where all of these agree."""
    return {
        **_installation(),
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "dataset_sha256": sha256,
        "promise": PROMISE,
    }


@cache
def _installation() -> dict[str, Any]:
    return {
        "ockham": version("ockham"),
        "engine": _engine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("tensorflow", "keras", "numpy", "scipy")},
        "machine": platform.machine(),
        "processor": _processor(),
    }


def _engine() -> str:
    """The hash of the code that trains: other code may add in another order."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in ENGINE)).hexdigest()


def _processor() -> dict[str, str]:
    """The processor's model and features, where the system tells them."""
    facts: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "flags", "Features"):
                facts.setdefault(key.strip(), value.strip())
    except OSError:
        facts["model name"] = platform.processor()
    return facts
