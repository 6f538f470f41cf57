"""The figure of the ranking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from models.errors import NotFound
from models.history import RunHistory
from models.resolution import resolve
from reporting.analysis import analyse
from reporting.answers import Analysis
from reporting.plots import JOB_PLOTS, Source, draw
from reporting.plots.kind import NoOptions
from reporting.plots.ranking_figure import MAX_ROWS, RankSeries
from reporting.setting import Setting


def source(levels: Mapping[str, float], seeds: int, *, grown: bool = False, **changes: Any) -> tuple[Source, Analysis]:
    """A job whose variants have best losses around these levels."""
    rng = np.random.default_rng(0)
    runs = [
        RunHistory(f"{name}-{seed}", name, seed, "succeeded", (1, 2), {"val_data_loss": (9.0, loss), "val_acc": (0, 1)})
        for name, level in levels.items()
        for seed in range(seeds)
        for loss in [level + float(rng.normal(0, 0.003))]
    ]
    found = analyse(runs, next(iter(levels)), setting=Setting(grown=grown))
    variants = [{"name": name, "preset": "original"} for name in levels]
    spec = resolve({"variants": variants, "seeds": list(range(seeds)), "dataset": {"name": "synthetic"}})
    return Source(spec.model_dump(mode="json"), [], lambda *_: iter(()), lambda view: found, **changes), found


def prepared(job: Source) -> RankSeries:
    series = JOB_PLOTS["ranking"].prepare(job, NoOptions())
    assert isinstance(series, RankSeries)
    return series


def test_it_shows_the_analysis_s_ranks_and_both_means() -> None:
    job, found = source({"original": 0.3, "l2": 0.25, "same": 0.3, "worse": 0.6}, 6)
    series = prepared(job)
    assert [(row.variant, row.ranks, row.best) for row in series.rows] == [
        (each.variant, each.rank, each.best) for each in found.ranking
    ]
    assert (series.rows[0].variant, series.rows[0].ranks, series.rows[-1].ranks) == ("l2", (1, 1), (4, 4))
    of = {each.variant: each for each in found.variants}
    for row in series.rows:
        assert row.mean.ci95 == of[row.variant].across_seeds["best_val_data_loss"].ci95
        assert row.middle.mean == of[row.variant].interquartile_means["best_val_data_loss"]
        assert row.middle.ci95 == of[row.variant].interquartile_intervals["best_val_data_loss"]
        assert len(row.values) == 6
    assert "for a fixed number of seeds" in series.subtitle
    assert series.title == "Best validation cross-entropy on synthetic reviews: which variant is the best"
    drawn = draw(series, "svg").decode()
    assert all(name in drawn for name in ("l2", "worse", "2–3", "rank", "mean"))
    assert draw(series, "svg").decode() == drawn
    assert "at every look" in prepared(source({"a": 0.1, "b": 0.2, "c": 0.3}, 3, grown=True)[0]).subtitle


@pytest.mark.parametrize(("width", "theme"), [(300, "light"), (1600, "dark")])
def test_one_seed_and_none_have_no_interval(width: int, theme: str) -> None:
    job, _ = source({"original": 0.3, "l2": 0.25, "same": 0.3}, 1, theme=theme)
    series = prepared(job)
    assert "no interval" in series.subtitle
    assert all(row.best and row.ranks == (1, 3) and row.mean.ci95 is None for row in series.rows)
    assert draw(series, "png", width).startswith(b"\x89PNG")
    nothing = RankSeries("t", "s", "x", (), theme, ())
    assert draw(nothing, "png", width).startswith(b"\x89PNG")


def test_of_many_the_best_are_drawn_and_of_some_the_ranks_are_among_all() -> None:
    job, _ = source({f"v{i}": 0.3 + i / 1000 for i in range(MAX_ROWS + 2)}, 2)
    series = prepared(job)
    assert len(series.rows) == MAX_ROWS
    assert f"The {MAX_ROWS} of {MAX_ROWS + 2} variants that have the least means are drawn." in series.notes
    some, _ = source({"a": 0.1, "b": 0.2, "c": 0.3}, 4, variants=["a", "c"])
    assert [row.variant for row in prepared(some).rows] == ["a", "c"]
    assert "Ranks are among all 3 variants." in prepared(some).notes
    with pytest.raises(NotFound):
        prepared(source({"a": 0.1, "b": 0.2}, 1, variants=["none"])[0])
