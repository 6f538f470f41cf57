"""A history as a pandas frame."""

from __future__ import annotations

import importlib.util
import io
from typing import Any


def has_pandas() -> bool:
    """Whether pandas is installed."""
    return importlib.util.find_spec("pandas") is not None


def frame_of(csv: str) -> Any:
    """The service's CSV as a frame: a row a run and epoch. Values that are not finite are so in the frame too."""
    import pandas

    return pandas.read_csv(io.StringIO(csv))
