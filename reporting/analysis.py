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
from models.kinds.metric import Of
from models.kinds.metrics import MEASURES
from models.kinds.task import Task
from models.kinds.tasks.binary import Binary
from models.tables import Status
from models.until import Until
from reporting.answers import Analysis, Comparison, Intervals, Pairing, Ranking, RunAnalysis, VariantAnalysis
from reporting.caveats import caveats, different_data
from reporting.combinations import combinations
from reporting.decisions import ALPHA, decide
from reporting.headline import headline
from reporting.overfitting import CURVES, Reading, View, Word, read, said, same_training
from reporting.paragraph import paragraph
from reporting.ranking import rank
from reporting.rows import OfRows, RunRows, spread, standard_error
from reporting.setting import Setting
from reporting.simplest import simplest
from reporting.smallest import of_accuracy, rounded
from reporting.statistics import ANYWHERE, bootstrap_interval, estimate, holm, interquartile, paired
from reporting.summary import Scores
from reporting.variance import variance
from reporting.verdicts import finding, in_words, leaves_out_zero

ACROSS_SEEDS = (
    "best_epoch", "best_loss", "best_measure", "final_loss", "onset_epoch",
    "gap_at_best", "gap_at_end", "rise", "slope_after_onset", "area_between", "penalty",
)  # fmt: skip
"""What is averaged over a variant's seeds (fields of `Reading`)."""

COMPARED = ("best_loss", "best_measure", "final_loss", "gap_at_end", "rise", "best_epoch")
TESTED = ("test_loss", "test_measure")
"""What is compared with the baseline, the latter if the test set was scored; Holm's correction runs over the variants,
for each of these apart."""


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
    sequential = until is not None or setting.grown or smallest is not None
    comparisons = _comparisons(alike, baseline, view, task, bootstrap, smallest, until, setting, rows, sequential)
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
            [[of for r in found if (of := _rows_of("best_loss", r, rows)) is not None] for found in alike.values()],
            setting.vary,
        ),
        simplest=chosen,
        combinations=combinations(
            losses,
            setting.places,
            metric_of(judged, view, task),
            baseline,
            smallest=within,
            sequential=until is not None or setting.grown or smallest is not None,
            alpha=until.alpha if until else ALPHA,
        ),
        headline=headline(
            best,
            baseline,
            ranking=ranking,
            chosen=chosen,
            improving=improving,
            unlearned=[each.variant for each in variants if each.n and each.never_learned == each.n],
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
        warnings=[
            *different_data(apart, baseline),
            *caveats(runs, readings, sound, comparisons, view, validated_on_test, setting.grown, selected),
        ],
    )


def _with_score(reading: Reading, score: Mapping[str, float | None] | None, view: View, task: Task) -> Reading:
    """The reading with what the run scores on the test set, as far as that is known and finite."""

    def value(name: str) -> float | None:
        found = (score or {}).get(name)
        return found if found is not None and math.isfinite(found) else None

    return replace(reading, test_loss=value(CURVES[view][0]), test_measure=value(task.measure))


def metric_of(field: str, view: View, task: Task) -> str:
    """A reading's field by the name of the metric it is of: `best_loss` is `best_val_data_loss` in the fair view."""
    validation = CURVES[view][2]
    names = {
        "best_loss": f"best_{validation}",
        "final_loss": f"final_{validation}",
        "best_measure": f"best_{Of.VALIDATION}{task.measure}",
        "test_loss": f"test_{CURVES[view][0]}",
        "test_measure": f"test_{task.measure}",
    }
    return names.get(field, field)


def view_of(metric: str, task: Task) -> View:
    """The view whose comparisons have `metric`: `data`, unless those of `keras` alone have it."""
    keras, data = ({metric_of(field, view, task) for field in COMPARED} for view in ("keras", "data"))
    return "keras" if metric in keras - data else "data"


def _bounds(field: str, task: Task) -> tuple[float, float]:
    """The least and the greatest value there can be of a reading's field."""
    if field in ("best_measure", "test_measure"):
        return MEASURES[task.measure].bounds
    if field in ("best_epoch", "onset_epoch"):
        return (1, math.inf)
    return (0.0, math.inf) if field in ("best_loss", "final_loss", "rise", "penalty") else ANYWHERE


def _values(readings: Sequence[Reading], field: str) -> list[float]:
    return [value for reading in readings if (value := getattr(reading, field)) is not None]


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
    best_epochs = _values(sound, "best_epoch")
    halves = {
        metric_of(field, view, task): interquartile(_values(sound, field), _bounds(field, task))
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
            metric_of(field, view, task): estimate(_values(sound, field), _bounds(field, task))
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


def _comparisons(
    sound: Mapping[str, Sequence[Reading]],
    baseline: str,
    view: View,
    task: Task,
    bootstrap: bool,
    smallest: float | None,
    until: Until | None,
    setting: Setting,
    rows: Mapping[str, RunRows],
    sequential: bool,
) -> list[Comparison]:
    """Each other variant against the baseline, on the seeds both have, first by metric and then by variant.

    A family of Holm's correction is one metric over all variants compared with the baseline, as Demšar
    advises for comparisons with a control (2006, "Statistical comparisons of classifiers over multiple data
    sets", 3.2.2).
    """
    reference = {reading.seed: reading for reading in reversed(sound[baseline])}
    alpha = until.alpha if until else ALPHA
    comparisons: list[Comparison] = []
    tested = any(getattr(each, field) is not None for found in sound.values() for each in found for field in TESTED)
    for field in (*COMPARED, *(TESTED if tested else ())):
        matters, whose = smallest, "request" if smallest is not None else None
        if smallest is None:
            if until is not None and metric_of(field, view, task) == f"best_{until.metric}":
                matters, whose = until.smallest, "until"
            else:
                matters, whose = _matters(field, sound[baseline], task, setting, rows), "rows"
        family = [
            _compare(
                name,
                baseline,
                field,
                sound[name],
                reference,
                view,
                task,
                bootstrap,
                matters,
                len(sound) - 1,
                alpha,
                rows,
            ).model_copy(
                update={
                    "smallest_from": whose if matters is not None else None,
                    "sequential": sequential,
                }
            )
            for name in sound
            if name != baseline
        ]
        corrected = holm([comparison.p for comparison in family])
        comparisons += [_found(comparison, p) for comparison, p in zip(family, corrected, strict=True)]
    return comparisons


def _found(comparison: Comparison, p_holm: float | None) -> Comparison:
    """The comparison with its corrected p, and what it shows by that."""
    n, difference, smallest = comparison.n, comparison.difference, comparison.smallest
    found = finding(n, difference, sequential=comparison.sequential, decision=comparison.decision, p_holm=p_holm)
    leads = leaves_out_zero(comparison.ci95) or leaves_out_zero(comparison.ends)
    words = in_words(found, difference, smallest if comparison.sd else None, leads)
    return comparison.model_copy(update={"p_holm": p_holm, "finding": found, "in_words": words})


def _rows_of(field: str, reading: Reading, rows: Mapping[str, RunRows]) -> OfRows | None:
    """What the run's `field` is the mean of: known if its rows were kept at the same epoch."""
    kept = rows.get(reading.run_id)
    if kept is None or kept.epoch != (reading.epochs if field == "final_loss" else reading.best_epoch):
        return None
    return {"best_loss": kept.losses, "final_loss": kept.losses, "best_measure": kept.measures}.get(field)


def _matters(
    field: str, readings: Sequence[Reading], task: Task, setting: Setting, rows: Mapping[str, RunRows]
) -> float | None:
    """The smallest difference that matters, from what other validation rows would change of the baseline's value."""
    kept = [of for reading in readings if (of := _rows_of(field, reading, rows)) is not None]
    if (error := standard_error(kept)) is not None:
        return rounded(error)
    values = _values(readings, field)
    if field != "best_measure" or task.measure != "acc" or not values or not setting.validated_on:
        return None
    return of_accuracy(sum(values) / len(values), setting.validated_on)


def _compare(
    name: str,
    baseline: str,
    field: str,
    readings: Sequence[Reading],
    reference: Mapping[int, Reading],
    view: View,
    task: Task,
    bootstrap: bool,
    smallest: float | None,
    comparisons: int,
    alpha: float,
    rows: Mapping[str, RunRows],
) -> Comparison:
    own = {reading.seed: reading for reading in reversed(readings)}
    both = {
        seed: (float(a), float(b))
        for seed in dict.fromkeys(reading.seed for reading in readings)  # in the order they were trained
        if seed in reference
        and (a := getattr(own[seed], field)) is not None
        and (b := getattr(reference[seed], field)) is not None
    }
    pairs = [both[seed] for seed in sorted(both)]
    result = paired([a for a, _ in pairs], [b for _, b in pairs])
    ratio = result.variance_ratio
    # Of a number of epochs neither more nor less is better.
    higher_is_better = {
        **dict.fromkeys(("best_loss", "final_loss", "gap_at_end", "rise", "test_loss"), False),
        **dict.fromkeys(("best_measure", "test_measure"), MEASURES[task.measure].higher_is_better),
    }.get(field)
    judged = higher_is_better is not None
    one, other = (
        {seed: of for seed in both if (of := _rows_of(field, each[seed], rows)) is not None}
        for each in (own, reference)
    )
    over_rows = spread(one, other) if len(one) == len(other) == len(both) else None
    decided = decide(
        [a - b for a, b in both.values()],
        lower_is_better=not higher_is_better,
        smallest=smallest,
        comparisons=comparisons,
        alpha=alpha,
    )
    identical = len(both) > 1 and all(same_training(own[seed], reference[seed]) for seed in both)
    if identical:
        decided = replace(decided, verdict="equivalent", seeds_needed=len(both))
    return Comparison(
        variant=name,
        baseline=baseline,
        metric=metric_of(field, view, task),
        n=result.n,
        difference=result.difference,
        sd=result.sd,
        ci95=result.ci95,
        p=result.p,
        p_holm=None,
        dz=result.dz,
        hedges_g=result.hedges_g,
        pairing=Pairing(
            correlation=result.correlation, variance_ratio=ratio, helped=None if ratio is None else ratio < 1
        ),
        ci95_bootstrap=bootstrap_interval([a - b for a, b in pairs]) if bootstrap else None,
        decision=decided.verdict if judged or identical else None,
        smallest=smallest if judged else None,
        smallest_from=None,
        sequential=False,
        ci_anytime=decided.ci,
        p_anytime=decided.p,
        confidence=1 - alpha,
        intervals=Intervals(
            seeds=result.ci95,
            rows=over_rows.rows if over_rows else None,
            both=over_rows.both if over_rows else None,
        ),
        probability_better=decided.probability_better if judged else None,
        seeds_needed=decided.seeds_needed if judged else None,
        finding=None,
        in_words="",
    )
