"""Histories as files: whole, never sampled. One module of this package per format; each is found by itself.

The tables are in long form, one row per epoch: `job_id, run_id, variant, seed, epoch`, then one column
per metric. A value that is not finite is `nan`, `inf` or `-inf` in CSV, itself in Parquet and TensorBoard, and
null in JSON and NDJSON with its kind in `nonfinite` beside it.
"""

from __future__ import annotations

import importlib
import pkgutil

from reporting.formats.base import Export, Format

DEFAULT = "json"


def _found() -> dict[str, Format]:
    """The `FORMAT` of each module here, by its name, the default first."""
    modules = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    formats: list[Format] = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {format.name: format for format in sorted(formats, key=lambda each: (each.name != DEFAULT, each.name))}


FORMATS = _found()

__all__ = ["DEFAULT", "FORMATS", "Export", "Format"]
