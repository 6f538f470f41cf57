"""What a result's luck is made of: the parts of the variance of a run's loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.specification import Varied
from reporting.answers import Variance
from reporting.rows import OfRows, covariance


def variance(variants: Sequence[Sequence[OfRows]], vary: Sequence[Varied]) -> Variance | None:
    """The shares of the variance of one run's mean loss, averaged over variants, each with its runs.

    As Bouthillier et al. 2021 ("Accounting for variance in machine learning benchmarks", 3) take it apart: `rows` is
    the sampling variance of a mean over the validation rows, s² / n. What varies with the seed is the variance over
    seeds, less what these rows are in it: s² / n if each seed has rows of its own, without the covariance that rows
    which several seeds have give their means. What varied together is told together: each seed draws all of it at once,
    so a job has nothing to take it apart by. None if no variant has two runs, each with two rows.
    """
    several = [runs for runs in variants if len(runs) > 1 and min(len(run.values) for run in runs) > 1]
    if not several:
        return None
    over_seeds, of_rows = 0.0, 0.0
    for runs in several:
        error = float(np.mean([run.values.var(ddof=1, dtype=np.float64) / len(run.values) for run in runs]))
        spread = float(np.var([run.values.mean(dtype=np.float64) for run in runs], ddof=1))
        over_seeds += spread - error + covariance(runs)
        of_rows += error
    over_seeds = max(0.0, over_seeds)
    if not 0 < (total := over_seeds + of_rows) < math.inf:
        return None
    share = over_seeds / total
    alone = vary[0] if len(vary) == 1 else None
    return Variance(
        seed=share if alone == "seed" else None,
        split=share if alone == "split" else None,
        sample=share if alone == "sample" else None,
        together=None if alone else share,
        rows=of_rows / total,
    )
