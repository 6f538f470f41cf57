"""The data sets: a kind in each module here. `AnyDataset` is the type of a field that holds one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.kinds.dataset import Dataset
from models.kinds.kind import any_of, discover

DATASETS = discover(__name__, __path__, Dataset)
BUILTIN = {name: kind for name, kind in DATASETS.items() if not kind.uploaded}
"""Those that nobody has to send."""

if TYPE_CHECKING:
    AnyDataset = Dataset
else:
    AnyDataset = any_of(DATASETS)
