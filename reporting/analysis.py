"""Which variant overfits, when, and whether it differs from the baseline by more than luck.

`analyse` is a pure function of histories. docs/analysis.md explains each number to its reader.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median_low
from types import MappingProxyType

from models.errors import NotFound
from models.history import RunHistory
from models.kinds.metrics import MEASURES
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.tables import Status
from models.until import Until
from reporting.answers import Analysis, Ranking, RunAnalysis, VariantAnalysis
from reporting.caveats import by_weight, caveats
from reporting.combinations import combinations
from reporting.comparing import comparisons_of, metric_of, rows_of, values_of
from reporting.decisions import ALPHA
from reporting.headline import headline
from reporting.overfitting import CURVES, Reading, View, Word, read, said
from reporting.paragraph import paragraph
from reporting.ranking import rank
from reporting.rows import RunRows
from reporting.setting import Setting
from reporting.simplest import simplest
from reporting.statistics import ANYWHERE, estimate, interquartile
from reporting.summary import Scores
from reporting.variance import variance

ACROSS_SEEDS = (
    "best_epoch", "best_loss", "best_measure", "final_loss", "onset_epoch",
    "gap_at_best", "gap_at_end", "rise", "slope_after_onset", "area_between", "penalty",
)  # fmt: skip
"""What is averaged over a variant's seeds (fields of `Reading`)."""

WORST_FIRST: tuple[Word, ...] = ("diverged", "did not learn", "still improving", "no onset", "too few epochs")
"""Which of two words a variant has that as many of its seeds have."""


def analyse(
    histories: Iterable[RunHistory],
    baseline: str,
    *,
    view: View = "data",
    bootstrap: bool = False,
    validated_on_test: bool = False,
    task: Task = Binary(),  # noqa: B008 (it is frozen)
    smallest: float | None = None,
    until: Until | None = None,
    setting: Setting = Setting(),  # noqa: B008 (it is frozen)
    rows: Mapping[str, RunRows] = MappingProxyType({}),
    apart: Collection[str] = (),
    scores: Scores = MappingProxyType({}),
    selected: int = 0,
) -> Analysis:
    """The analysis, every number finite or None.

    `view`: `data` reads the data's loss alone (`val_data_loss`), `keras` what Keras reports, penalty
    included (`val_loss`). Only runs that finished count, and those that diverged count only as that.
    With `bootstrap` each comparison has a bootstrap interval too. `validated_on_test`: whether the
    validation set is the test set. `task` is the data set's. `smallest`: the
    smallest difference that matters, in each metric's own unit. `until`: what the job was to be decided by; its
    `smallest` holds for its own metric. `setting`: how the job came by its numbers. `rows`: by a
    run's id what it scores of each validation row, where that is known. `apart`: variants that were validated on other
    rows than the baseline; they are described, and neither compared nor ranked. `scores`: by a run's id the test set's
    score. `selected`: among how many trials of a search variants were chosen on the held-out rows; if among any, then
    the ranking and the paragraph go by the test set, of which the choice knew nothing.

    Raises `NotFound` if no history is of `baseline`.
    """
    runs: Counter[str] = Counter()
    readings: dict[str, list[Reading]] = {}
    for run in histories:  # one at a time: they may be read from the database only now
        runs[run.variant] += 1
        of_variant = readings.setdefault(run.variant, [])
        reading = _with_score(read(run, view, task), scores.get(run.run_id), view, task)
        if run.status == Status.SUCCEEDED or (run.status == Status.FAILED and reading.word == "diverged"):
            of_variant.append(reading)
    if baseline not in readings:
        raise NotFound(f"There is no variant named {baseline!r}")
    sound = {name: [r for r in found if r.word != "diverged"] for name, found in readings.items()}
    alike = {name: found for name, found in sound.items() if name not in apart}
    judged = "test_loss" if selected else "best_loss"
    setting = replace(setting, decides=setting.decides or until is not None)
    sequential = setting.decides or setting.grown or smallest is not None
    comparisons = comparisons_of(alike, baseline, view, task, bootstrap, smallest, until, setting, rows, sequential)
    best = [each for each in comparisons if each.metric == metric_of(judged, view, task)]
    within = next((each.smallest for each in best if each.smallest is not None), None)
    losses = {
        name: {r.seed: loss for r in found if (loss := getattr(r, judged)) is not None} for name, found in alike.items()
    }
    chosen = None if within is None else simplest(losses, setting.parameters, baseline, within)
    ranking = _ranking(losses, sequential)
    variants = [_variant(name, readings[name], sound[name], view, task, setting) for name in readings]
    improving = [each.variant for each in variants if each.verdict == said("still improving", None, ())]
    return Analysis(
        view=view,
        variants=variants,
        comparisons=comparisons,
        ranking=ranking,
        variance=variance(
            [[of for r in found if (of := rows_of("best_loss", r, rows)) is not None] for found in alike.values()],
            setting.vary,
        ),
        simplest=chosen,
        combinations=combinations(
            losses,
            setting.places,
            metric_of(judged, view, task),
            baseline,
            smallest=within,
            sequential=sequential,
            alpha=until.alpha if until else ALPHA,
        ),
        headline=headline(
            best,
            baseline,
            ranking=ranking,
            chosen=chosen,
            improving=improving,
            unlearned={each.variant: (each.never_learned, each.n) for each in variants},
        ),
        paragraph=paragraph(
            best,
            baseline,
            task,
            setting,
            on_test=validated_on_test,
            chosen=chosen,
            ranking=ranking,
            improving=improving,
        ),
        warnings=sorted(
            caveats(
                runs,
                readings,
                sound,
                comparisons,
                view,
                setting,
                baseline,
                validated_on_test=validated_on_test,
                apart=apart,
                selected=selected,
            ),
            key=by_weight,
        ),
    )


def _with_score(reading: Reading, score: Mapping[str, float | None] | None, view: View, task: Task) -> Reading:
    """The reading with what the run scores on the test set, as far as that is known and finite."""

    def value(name: str) -> float | None:
        found = (score or {}).get(name)
        return found if found is not None and math.isfinite(found) else None

    return replace(reading, test_loss=value(CURVES[view][0]), test_measure=value(task.measure))


def _bounds(field: str, task: Task) -> tuple[float, float]:
    """The least and the greatest value there can be of a reading's field."""
    if field in ("best_measure", "test_measure"):
        return MEASURES[task.measure].bounds
    if field in ("best_epoch", "onset_epoch"):
        return (1, math.inf)
    return (0.0, math.inf) if field in ("best_loss", "final_loss", "rise", "penalty") else ANYWHERE


def _variant(
    name: str, readings: Sequence[Reading], sound: Sequence[Reading], view: View, task: Task, setting: Setting
) -> VariantAnalysis:
    """A variant across its seeds.

    `onset_epoch` is the epoch by which at least half of its seeds overfit: the lower median, a seed that never
    does (or diverged) counting as later than all; where that half is not reached it is None, and `censored`
    true. `best_epoch` is the lower median too. The verdict is of the same half; where that has not overfitted,
    the word most of the other seeds have, of equals the worse (the order of `WORST_FIRST`).
    """
    onsets = sorted(reading.onset_epoch for reading in sound if reading.onset_epoch is not None)
    middle = (len(readings) - 1) // 2
    onset_epoch = onsets[middle] if readings and middle < len(onsets) else None
    words: Counter[Word] = Counter(reading.word for reading in readings if reading.word != "overfitting")
    word = max(WORST_FIRST, key=lambda word: words[word]) if words else "too few epochs"
    if onset_epoch is not None:
        word = "overfitting"
    best_epochs = values_of(sound, "best_epoch")
    halves = {
        metric_of(field, view, task): interquartile(values_of(sound, field), _bounds(field, task))
        for field in ("best_loss", "best_measure", "final_loss")
    }
    return VariantAnalysis(
        variant=name,
        n=len(sound),
        updates_per_epoch=setting.updates.get(name),
        best_epoch=median_low(best_epochs) if best_epochs else None,
        onset_epoch=onset_epoch,
        censored=onset_epoch is None,
        verdict=said(word, onset_epoch, [reading.epochs for reading in readings]),
        overfitted=len(onsets),
        diverged=len(readings) - len(sound),
        never_learned=sum(not reading.learned for reading in sound),
        interquartile_means={name: each.mean for name, each in halves.items()},
        interquartile_intervals={name: each.ci95 for name, each in halves.items()},
        across_seeds={
            metric_of(field, view, task): estimate(values_of(sound, field), _bounds(field, task))
            for field in ACROSS_SEEDS
        },
        runs=[
            RunAnalysis(
                run_id=reading.run_id,
                seed=reading.seed,
                verdict=reading.verdict,
                censored=reading.onset_epoch is None,
                **{metric_of(field, view, task): getattr(reading, field) for field in ACROSS_SEEDS},
            )
            for reading in readings
        ],
    )


def _ranking(losses: Mapping[str, Mapping[int, float]], sequential: bool) -> list[Ranking]:
    ranks = rank({name: of for name, of in losses.items() if of}, lower_is_better=True, sequential=sequential)
    return [Ranking(variant=each.variant, rank=(each.low, each.high), best=each.best) for each in ranks]
