"""Every remedy at its best strength, measured: the last part of docs/remedies.md.

    python -m benchmarks.remedies [--only imdb,letters,fine_foods] [--tables FOLDER] [--repeats 10] [--url URL]

Runs the ready-made job `remedies` on each data set: each remedy's strength is searched on held-out rows, and the best
is trained anew with ten seeds and scored on the test set. FOLDER has the files of `benchmarks.tables`. Then, on the
first of the data sets, `--repeats` searches with each sampler and each pruner, and a grid of the same budget: which
finds the best value, what pruning saves, and whether a trial that was pruned would have won, for which each is trained
on. Everything is asked of a service over HTTP, one of its own or the one at --url. What was trained before is taken
over, so a command that was interrupted goes on where it was; only the searches with a pruner train again.

A first look, in some minutes: --only synthetic --budget 18 --seeds 2 --epochs 4 --repeats 1 --out /tmp
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from jinja2 import Environment, StrictUndefined

from benchmarks.findings import elapsed, interval, number, train
from benchmarks.tables import EXPERIMENTS, send
from models.settings import Settings
from ockham.demo import embedded
from ockham_client import Client, Job

HERE = Path(__file__).parent
HEADING = "## Measured\n"
BUDGET = 16
"""Trials of a search that is compared with a grid."""
SPACE = {"units": {"low": 4, "high": 64, "log": True}, "dropout": {"low": 0.0, "high": 0.75}}
GRID = {"units": [4, 10, 25, 64], "dropout": [0.0, 0.25, 0.5, 0.75]}
WAYS: dict[str, dict[str, str] | None] = {
    "grid": None,
    "random": {"sampler": "random"},
    "tpe": {"sampler": "tpe"},
    "tpe, pruner median": {"sampler": "tpe", "pruner": "median"},
    "tpe, pruner hyperband": {"sampler": "tpe", "pruner": "hyperband"},
}


@dataclass(frozen=True)
class Found:
    """What one way to search came to, a value per repeat.

    epochs: trained, of those that there would have been without pruning. lost: how much better the best of the trials
    that were pruned would have been than the best that was found; 0 if none would have been.
    """

    best: list[float]
    epochs: list[float]
    pruned: list[int]
    lost: list[float]

    @property
    def typical(self) -> float:
        """The median of the best values."""
        return median(self.best)

    @property
    def saved(self) -> float:
        """The part of all epochs that pruning saved."""
        return 1 - mean(self.epochs)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="imdb,letters,fine_foods")
    parser.add_argument("--tables", type=Path, help="the folder of the files")
    parser.add_argument("--budget", type=int, help="trials of all remedies together; the job's own unless given")
    parser.add_argument("--seeds", type=int, help="of baseline and finalists; the job's own unless given")
    parser.add_argument("--epochs", type=int, help="of each run; the data set's own unless given")
    parser.add_argument("--repeats", type=int, default=10, help="searches of each kind; 0 leaves them out")
    parser.add_argument("--url", help="a service that is running; without it one is started")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="where the page remedies.md is")
    chosen = parser.parse_args()
    names = chosen.only.split(",")
    with ExitStack() as stack:
        if (url := chosen.url) is None:
            data = Settings().data_dir.absolute() / "findings"
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            url = stack.enter_context(embedded(Settings().model_copy(update={"data_dir": data})))
        client = stack.enter_context(Client(url))
        bodies = {name: body_of(client, name, chosen.tables, chosen.epochs) for name in names}
        wanted = {name: {"preset": "remedies", **body, **_changed(chosen)} for name, body in bodies.items()}
        jobs = train(client, wanted)
        measured = {name: table(client, job) for name, job in jobs.items()}
        seconds = {name: elapsed(client, job) for name, job in jobs.items()}
        compared = {way: searches(client, bodies[names[0]], way, chosen.repeats) for way in WAYS if chosen.repeats}
        fingerprint = client.run(next(iter(jobs.values())).runs[0].id).raw["fingerprint"]
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters.update(number=number, interval=interval)
    part = environment.from_string((HERE / "remedies.md.jinja").read_text()).render(
        jobs=jobs, measured=measured, seconds=seconds, compared=compared, budget=BUDGET, repeats=chosen.repeats,
        first=names[0], fingerprint=fingerprint,
    )  # fmt: skip
    page = chosen.out / "remedies.md"
    before = page.read_text().partition(HEADING)[0].rstrip() + "\n\n" if page.exists() else ""
    page.write_text(before + HEADING + part)
    print(page)


def body_of(client: Client, name: str, tables: Path | None, epochs: int | None) -> dict[str, Any]:
    """The data set with rows held out, and how it is trained on."""
    training = {} if epochs is None else {"epochs": epochs}
    if name not in EXPERIMENTS:
        return {"dataset": {"name": name, "validation": {"holdout": 0.2}}, "training": training}
    if tables is None:
        raise SystemExit(f"{name} needs --tables")
    experiment = EXPERIMENTS[name]
    sent = send(client, experiment, tables)
    dataset = {"id": sent["id"], "validation": {"holdout": 0.2}, **experiment.dataset}
    return {"dataset": dataset, "training": {**experiment.training, **training}}


def _changed(chosen: argparse.Namespace) -> dict[str, Any]:
    """What is changed of the ready-made job's search: its budget or its seeds."""
    budget = {} if chosen.budget is None else {"budget": {"runs": chosen.budget}}
    return {"search": {**budget, **({} if chosen.seeds is None else {"final": {"seeds": chosen.seeds}})}}


def table(client: Client, job: Job) -> list[dict[str, Any]]:
    """A row per remedy, the greatest gain first: its strength, its differences from the baseline, and what it costs."""
    analysis, whole = client.analysis(job), client.job(job)
    of = {(each["variant"], each["metric"]): each for each in analysis["comparisons"]}
    selection = {each["variant"]: each["selection"] for each in analysis["search"]["finalists"]}
    rows = []
    for variant in dict.fromkeys(variant for variant, _ in of):
        loss = of[variant, "test_data_loss"]
        own = [run.raw for run in whole.runs if run.variant == variant and run.raw["trial"] is None]
        rows.append(
            {
                "variant": variant,
                "loss": loss,
                "accuracy": of.get((variant, "test_acc")),
                "selection": selection.get(variant),
                "parameters": own[0]["parameters"],
                "chosen": mean(run["chosen_epoch"] for run in own if run["chosen_epoch"] is not None),
            }
        )
    return sorted(rows, key=lambda row: row["loss"]["difference"])


def searches(client: Client, body: dict[str, Any], way: str, repeats: int) -> Found:
    """So many searches of one kind, each with another seed."""
    asked = WAYS[way]
    found = Found([], [], [], [])
    for seed in range(repeats):
        if asked is None:
            job = client.submit({**body, "sweep": {"grid": GRID}}, seeds=[seed])
            client.wait(job)
            runs = client.metrics(job)["runs"]
            found.best.append(min(run["best"]["val_data_loss"] for run in runs))
            found.epochs.append(1.0)
            continue
        search = {"space": SPACE, "budget": {"runs": BUDGET}, "seed": seed, "final": {"top": 1, "seeds": 1}, **asked}
        reuse = "never" if "pruner" in asked else "allow"
        job = client.wait(client.submit({**body, "search": search}, reuse=reuse))
        trials = client.analysis(job)["search"]["trials"]
        best = min(each["value"] for each in trials if each["value"] is not None and each["pruned"] is None)
        tried = [run.raw for run in job.runs if run.raw["trial"] is not None]
        found.best.append(best)
        found.epochs.append(sum(run["epoch"] for run in tried) / sum(run["epochs"] for run in tried))
        pruned = [each for each in trials if each["pruned"] is not None]
        found.pruned.append(len(pruned))
        for each in pruned:
            client.resume_run(each["run_id"])
        if pruned:
            client.wait(job)
        whole = client.analysis(job)["search"]["trials"]
        again = [each["value"] for each in whole if each["value"] is not None]
        found.lost.append(max(0.0, best - min(again)))
    return found


if __name__ == "__main__":
    main()
