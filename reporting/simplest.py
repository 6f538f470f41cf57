"""The simplest of many variants that does about as well as the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from reporting.answers import Simplest
from reporting.anytime import intervals
from reporting.decisions import ALPHA


def simplest(
    values: Mapping[str, Mapping[int, float]], parameters: Mapping[str, int], baseline: str, within: float
) -> Simplest | None:
    """The variant with the fewest weights among those that are worse than the best by at most `within`.

    The rule of one standard error (Breiman, Friedman, Olshen and Stone 1984, "Classification and regression trees",
    3.4.3), with `within` in place of the standard error. `values`: of each variant its loss per seed; the best has the
    least mean. Variants with as many weights are in this order: the baseline, then as they come. None with fewer than
    two variants.
    """
    known = {name: of for name, of in values.items() if name in parameters and of}
    if len(known) < 2:
        return None
    best = min(known, key=lambda name: math.fsum(known[name].values()) / len(known[name]))
    order = sorted(known, key=lambda name: (parameters[name], name != baseline))
    for name in order:
        worse = [known[name][seed] - known[best][seed] for seed in known[name] if seed in known[best]]
        if name == best or (worse and math.fsum(worse) / len(worse) <= within):
            return Simplest(
                variant=name,
                parameters=parameters[name],
                best=best,
                difference=0.0 if name == best else math.fsum(worse) / len(worse),
                within=within,
                shown=name == best or _not_worse(worse, within, len(known) - 1),
            )
    return None


def _not_worse(differences: Sequence[float], within: float, comparisons: int) -> bool:
    """Whether the interval of the mean difference, valid at every look and for all variants, ends below `within`."""
    low, high = (float(bounds[-1]) for bounds in intervals(np.asarray(differences), ALPHA / comparisons))
    return low <= high <= within
