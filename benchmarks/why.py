"""Why the validation loss rises and the accuracy does not fall: docs/why.md, with the service's own figures.

    python -m benchmarks.why [--tables FOLDER] [--dataset imdb] [--seeds 3] [--epochs 20] [--out docs]

FOLDER has fine_foods_train.csv and fine_foods_test.csv (docs/data.md says where they come from); without it that part
is left out. Everything is asked of a service over HTTP, one of its own or the one at --url. What was trained before is
taken over, so a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean
from typing import Any

from jinja2 import Environment, StrictUndefined

from benchmarks.findings import elapsed, number, train
from benchmarks.tables import EXPERIMENTS, send
from models.settings import Settings
from ockham.demo import embedded
from ockham_client import Client, Job

HERE = Path(__file__).parent
VARIANTS = ["original", "l2", "l1", "dropout"]
FIGURES = {"why": "why", "brier": "why", "norm": "norm.dense_1", "near_zero": "near_zero.dense_1"}
"""The figures of a job, and the plot that each is."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--dataset", choices=("imdb", "synthetic"), default="imdb")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--url", help="a service that is running; without it one is started")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    chosen = parser.parse_args()
    with ExitStack() as stack:
        if (url := chosen.url) is None:
            data = Settings().data_dir.absolute() / "findings"
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            url = stack.enter_context(embedded(Settings().model_copy(update={"data_dir": data})))
        client = stack.enter_context(Client(url))
        common = {"variants": VARIANTS, "seeds": list(range(chosen.seeds))}
        training = {"epochs": chosen.epochs, "weights": True}
        wanted = {"imdb": {**common, "dataset": {"name": chosen.dataset}, "training": training}}
        if chosen.tables:
            foods = EXPERIMENTS["fine_foods"]
            dataset = {"id": send(client, foods, chosen.tables)["id"], "validation": "test", **foods.dataset}
            wanted["fine_foods"] = {**common, "dataset": dataset, "training": {**foods.training, "weights": True}}
        jobs = train(client, wanted)
        write(client, jobs, chosen.out)


def write(client: Client, jobs: dict[str, Job], out: Path) -> None:
    """docs/why.md and its figures."""
    figures = out / "images" / "why"
    figures.mkdir(parents=True, exist_ok=True)
    for name, job in jobs.items():
        for figure, plot in FIGURES.items():
            options = {"of": "brier"} if figure == "brier" else {}
            client.plot(job, plot, path=figures / f"{name}-{figure}.png", width=1000, **options)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters.update(number=number)
    page = environment.from_string((HERE / "why.md.jinja").read_text()).render(
        jobs=jobs,
        facts={name: facts(client, job) for name, job in jobs.items()},
        seconds={name: elapsed(client, job) for name, job in jobs.items()},
        fingerprint=client.run(next(iter(jobs.values())).runs[0].id).raw["fingerprint"],
    )
    (out / "why.md").write_text(page)
    print(out / "why.md")


def facts(client: Client, job: Job) -> dict[str, dict[str, Any]]:
    """What the page says of each variant: means over seeds, at the least validation loss (`least`) and the `last`."""
    told, history = client.why(job), {run["run_id"]: run for run in client.history(job, "json")["runs"]}
    ensembles = {each["variant"]: each for each in client.ensembles(job)["variants"]}
    found = {}
    for each in told["variants"]:
        runs = [run for run in told["runs"] if run["variant"] == each["variant"]]
        since = {run["run_id"]: run["epochs"][-1]["since"] - 1 for run in runs}
        metrics = {run_id: history[run_id]["metrics"] for run_id in since}
        wrong = client.mistakes(job, each["variant"], limit=0)
        found[each["variant"]] = {
            **{
                name: each[name]
                for name in ("since", "epoch", "rise", "parts", "calibration", "refinement", "sentence")
            },
            **{
                name: {
                    "least": fmean(of[name][since[run_id]] for run_id, of in metrics.items()),
                    "last": fmean(of[name][-1] for of in metrics.values()),
                }
                for name in ("val_data_loss", "val_acc", "norm.dense_1", "near_zero.dense_1")
                if all(name in of for of in metrics.values())
            },
            "rows": wrong["rows"],
            "always": wrong["always"]["count"],
            "overfitted": wrong["overfitted"]["count"],
            "label_errors": wrong["label_errors"]["count"],
            "share": wrong["label_errors"]["share"],
            "ensemble": ensembles.get(each["variant"]),
        }
    return found


if __name__ == "__main__":
    main()
