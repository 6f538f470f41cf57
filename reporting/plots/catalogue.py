"""The plots there are: each module of this package that has a `DRAWING` or a `PLOT`, found by itself."""

from __future__ import annotations

import importlib
import pkgutil

from reporting.plots import __path__ as _folder
from reporting.plots.kind import Drawing, JobPlot

_modules = [
    importlib.import_module(f"reporting.plots.{each.name}")
    for each in pkgutil.iter_modules(_folder)
    if each.name.endswith("_figure")
]

DRAWINGS: dict[type, Drawing] = {module.DRAWING.of: module.DRAWING for module in _modules if hasattr(module, "DRAWING")}
"""How what was prepared is drawn, by its class."""

JOB_PLOTS: dict[str, JobPlot] = {
    module.PLOT.name: module.PLOT for module in sorted(_modules, key=lambda m: m.__name__) if hasattr(module, "PLOT")
}
"""A job's plots that have a name of their own, by it."""
