"""What the tables say, from answers of the service."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from models.specification import dataset_of
from ockham.progress import JobProgress
from ockham.summary import comparison_grid, notes
from ockham.tables import Grid, job_table, jobs_table, results, results_grid
from ockham_client import Event, Job


def job(*variants: str) -> Job:
    spec = {"dataset": {"name": "synthetic"}, "baseline": variants[0]}
    return Job.of({"id": "job_1", "name": "a", "status": "succeeded", "spec": spec, "runs": []})


def metrics(n: int = 1, **values: float) -> dict[str, Any]:
    return {"variants": [{"variant": "original", "n": n, **{name: {"mean": value} for name, value in values.items()}}]}


def against(job: Job, analysis: dict[str, Any]) -> Grid:
    return comparison_grid(job.spec["baseline"], dataset_of(job.spec).task, analysis)


def analysis(*comparisons: dict[str, Any]) -> dict[str, Any]:
    names = ["original", *(each["variant"] for each in comparisons)]
    return {
        "variants": [{"variant": name, "verdict": f"verdict of {name}"} for name in names],
        "comparisons": [{"metric": "best_val_acc", "variant": "l2", "n": 9, "difference": 9.0}, *comparisons],
        "warnings": [],
        "headline": "",
        "paragraph": "",
    }


def compared(variant: str, n: int, difference: float | None, ci95: Any = None, words: str = "") -> dict[str, Any]:
    return {
        "metric": "best_val_data_loss", "variant": variant, "n": n, "difference": difference, "ci95": ci95,
        "ci_anytime": [-1.0, 1.0], "confidence": 0.9, "sequential": False, "finding": None, "in_words": words,
    }  # fmt: skip


def test_a_search_is_shown_by_what_its_headline_goes_by() -> None:
    held_out = compared("l2", 3, -0.1, words="not decided")
    tested = {**compared("l2", 3, 0.0, words="the same"), "metric": "test_data_loss"}
    grid = against(job("original", "l2"), {**analysis(held_out, tested), "search": {"trials": []}})
    assert grid.title == "Test cross-entropy, each variant minus original: lower is better"
    assert next(row[-1] for row in grid.rows if row[0] == "l2") == "the same"


def test_a_table_shows_one_loss_without_penalties_unless_asked_for_the_other() -> None:
    rows = results(job("original"), metrics(best_epoch=3, best_val_loss=0.5, best_val_data_loss=0.4))
    grid = results_grid(job("original"), rows)
    shown = dict(zip(grid.headings, grid.rows[0], strict=True))
    assert shown["best epoch"] == "3"
    assert shown["best validation cross-entropy"] == "0.4000"
    assert "best validation loss" not in shown
    assert shown["accuracy at best epoch"] == "–"
    assert not any("test" in heading for heading in grid.headings)
    assert results_grid(job("original"), rows, "val_loss").headings[3] == "best validation loss"
    by_accuracy = results_grid(job("original"), rows, "val_acc").headings[3:5]
    assert by_accuracy == ("best validation accuracy", "cross-entropy at best epoch")


def test_a_mean_of_several_seeds_has_its_interval_below_it() -> None:
    answer = metrics(3, rise=0.2)
    answer["variants"][0]["rise"]["ci95"] = [0.1, 0.3]
    grid = results_grid(job("original"), results(job("original"), answer))
    assert dict(zip(grid.headings, grid.rows[0], strict=True))["rise"] == "0.2000\n0.1000 to 0.3000"
    assert "0.2000<br>0.1000 to 0.3000" in grid.markdown()[2]


@pytest.mark.parametrize(("mean", "shown"), [(4.0, "4"), (13 / 3, "4.3"), (10, "10")])
def test_a_mean_of_epochs_has_one_decimal(mean: float, shown: str) -> None:
    answer = metrics(3, best_epoch=mean)
    grid = results_grid(job("original"), results(job("original"), answer))
    assert grid.rows[0][2] == shown
    assert grid.title.endswith("means over 3 seeds")


def test_the_test_set_s_score_has_columns_where_there_is_one() -> None:
    answer = metrics(test_acc=0.9, test_data_loss=0.25)
    grid = results_grid(job("original"), results(job("original"), answer))
    shown = dict(zip(grid.headings, grid.rows[0], strict=True))
    assert (shown["test cross-entropy"], shown["test accuracy"]) == ("0.2500", "0.9000")


def test_the_columns_are_those_of_the_tasks() -> None:
    task = {"name": "synthetic_table", "classes": 3}
    several = Job.of({**job("original").raw, "spec": {"dataset": task, "baseline": "original"}})
    answer = metrics(best_val_data_loss=0.5, best_val_acc=0.8, test_data_loss=0.7, final_val_data_loss=1)
    headings = results_grid(several, results(several, answer)).headings
    assert headings[3:-1] == (
        "best validation categorical cross-entropy",
        "accuracy at best epoch",
        "final validation categorical cross-entropy",
        "rise",
        "gap",
        "test categorical cross-entropy",
        "test accuracy",
    )
    assert "categorical cross-entropy, each variant" in against(several, analysis()).title


def test_one_seed_has_a_difference_and_no_more() -> None:
    one = compared("l2", 1, -0.01234, words="lower, one seed")
    found = analysis(one, compared("same", 1, -1e-9), compared("wild", 0, None))
    grid = against(job("original", "l2"), found)
    assert grid.headings == ("variant", "verdict", "difference", "than original")
    assert grid.rows == [
        ("original", "verdict of original", "", "baseline"),
        ("l2", "verdict of l2", "-0.0123", "lower, one seed"),
        ("same", "verdict of same", "+0.0000", ""),
        ("wild", "verdict of wild", "–", ""),
    ]
    warning = {"code": "one_seed", "detail": "Add seeds."}
    assert list(notes({**found, "warnings": [warning]})) == ["Add seeds. (one_seed)"]


def test_several_seeds_have_an_interval_and_the_analysis_s_own_words() -> None:
    sure = compared("dropout", 5, -0.02, [-0.03, -0.01], "lower, more than luck")
    found = analysis(sure, compared("bigger", 5, 0.01, [-0.01, 0.03], "not decided"))
    assert against(job("original"), found).rows[1:] == [
        ("dropout", "verdict of dropout", "-0.0200", "-0.0300 to -0.0100", "lower, more than luck"),
        ("bigger", "verdict of bigger", "+0.0100", "-0.0100 to +0.0300", "not decided"),
    ]
    assert list(notes(found)) == []
    looked = against(job("original"), analysis({**sure, "sequential": True}))
    assert looked.headings[3] == "90% interval, at every look"
    assert looked.rows[1][3] == "-1.0000 to +1.0000"
    same = against(job("original"), analysis({**sure, "variant": "l1", "finding": "equivalent"}, sure))
    assert [row[3] for row in same.rows[1:]] == ["-1.0000 to +1.0000, at every look", "-0.0300 to -0.0100"]


def test_a_table_for_a_page() -> None:
    grid = against(job("original"), analysis(compared("a|b", 1, 0.5)))
    assert grid.markdown()[:2] == ["| variant | verdict | difference | than original |", "|---|---:|---:|---:|"]
    assert grid.markdown()[3].startswith("| a\\|b |")


LONG = [f"a_name_without_a_single_space_{'and_long_' * 4}{end}" for end in ("one", "two")]


def running(*variants: str) -> Job:
    runs = [
        {"id": f"run_{i}", "variant": name, "seed": 0, "status": "running", "epoch": 1, "epochs": 3, "attempt": 1,
         "parameters": 17, "error": None}
        for i, name in enumerate(variants)
    ]  # fmt: skip
    shown = {"created_at": "2026-01-01T00:00:00Z", "run_counts": {"running": 2}, "progress": {"percent": 3.0}}
    return Job.of({**job(*variants).raw, **shown, "status": "running", "runs": runs})


def on_screen(width: int) -> Console:
    return Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None, legacy_windows=False)


def shown_by(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_tables_cut_no_name_off(width: int) -> None:
    jobs = [
        Job.of({**running("original").raw, "id": "job_" + end * 11, "name": name})
        for name, end in zip(LONG, "ab", strict=True)
    ]
    grid = Grid("a", ("variant", "best"), [(name, "0.1") for name in LONG])
    for table in (jobs_table(jobs), job_table(running(*LONG)), grid.table()):
        console = on_screen(width)
        console.print(table)
        shown = shown_by(console)
        assert "…" not in shown
        assert all(sum(shown.count(letter) for letter in name) >= len(name) for name in LONG)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_table_that_has_no_room_is_several_and_no_word_is_cut_in_two(width: int) -> None:
    headings = ("variant", "parameters", "best validation cross-entropy", "final validation cross-entropy", "gap")
    row = ("original", "160,305", "0.6678\n0.3169 to 1.0188", "0.6678\n0.3169 to 1.0188", "-0.0688 to 0.0771")
    console = on_screen(width)
    Grid("a job", headings, [row]).show(console)
    lines = shown_by(console).splitlines()
    assert max(map(cell_len, lines)) <= width
    shown = "\n".join(lines)
    assert shown.count("original") == (1 if width == 200 else shown.count("variant"))
    for part in ("parameters", "cross-entropy", "0.3169 to 1.0188", "-0.0688 to 0.0771"):
        assert part in shown
    assert shown.count("a job") == 1


def test_a_list_names_the_data_set_of_a_job_of_many_runs() -> None:
    console = on_screen(200)
    console.print(jobs_table([Job.of({**running("original").raw, "spec": None, "runs": None, "dataset": "imdb"})], 200))
    assert re.search(r"running +│ imdb ", shown_by(console))


def test_on_a_small_screen_ids_are_short_and_tell_jobs_apart() -> None:
    ids = [f"job_01a21e30{digits}{'0' * 22}" for digits in ("aaaa01", "aaaa02", "bbbb00")]
    jobs = [Job.of({**running("original").raw, "id": id, "name": "a name"}) for id in ids]
    console = on_screen(80)
    console.print(jobs_table(jobs[:2], 80, jobs[2:]))
    shown = shown_by(console)
    assert max(map(cell_len, shown.splitlines())) <= 80
    found = re.findall(r"job_[0-9a-f]+", shown)
    assert [[id for id in ids if id.startswith(each)] for each in found] == [[ids[0]], [ids[1]]]
    console = on_screen(200)
    console.print(jobs_table(jobs, 200))
    assert re.findall(r"job_[0-9a-f]+", shown_by(console)) == ids


@pytest.mark.parametrize("terminal", [True, False])
def test_runs_that_a_search_adds_are_followed_too(terminal: bool) -> None:
    job = running("original")
    job = Job.of({**job.raw, "spec": {**job.raw["spec"], "search": {"sampler": "tpe"}}})
    console = on_screen(100) if terminal else Console(file=io.StringIO(), width=100)
    best = [{"trial": 1, "variant": "units=4", "value": 0.25}]
    values = {"loss": 0.5, "acc": 0.5, "val_data_loss": 0.5, "val_acc": 0.5}
    with JobProgress(job, console) as progress:
        for number, (kind, run_id, data) in enumerate(
            [
                ("run.started", "run_9", {"variant": "units=4", "seed": 3, "attempt": 1, "epochs": 2}),
                ("run.epoch", "run_9", {"epoch": 1, "metrics": values}),
                ("run.succeeded", "run_9", {}),
                ("job.searched", None, {"trials": 4, "ended": 2, "best": best}),
            ]
        ):
            at = {"id": number, "created_at": "2026-01-01T00:00:00Z", "run_id": run_id}
            progress.on_event(Event.of({**at, "type": kind, "data": data}))
    shown = shown_by(console)
    assert "search: 2 of 4 trials done, best so far: units=4 0.2500" in shown
    assert "units=4, seed 3" in shown
    assert terminal or "units=4, seed 3: epoch 1 of 2: " in shown


@pytest.mark.parametrize("width", [60, 100, 200])
def test_each_bar_has_a_name_of_its_own(width: int) -> None:
    swept = [f"units=16 l1=0 l2={l2} dropout=0.5 train_samples=200" for l2 in ("0.0001", "0.001", "0.01")]
    for variants in (LONG, swept):
        console = on_screen(width)
        with JobProgress(running(*variants), console) as progress:
            for i, _ in enumerate(variants):
                values = {"loss": 0.5, "acc": 0.5, "val_data_loss": 0.5, "val_acc": 0.5}
                at = {"id": i, "created_at": "2026-01-01T00:00:00Z", "run_id": f"run_{i}"}
                progress.on_event(Event.of({**at, "type": "run.epoch", "data": {"epoch": 1, "metrics": values}}))
        last = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", shown_by(console)).splitlines()[-len(variants) * 6 :]
        names = {line.split("━")[0].rstrip() for line in last if "━" in line}
        assert len(names - {""}) == len(variants), last
