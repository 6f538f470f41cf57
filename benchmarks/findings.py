"""`make findings`: the notebook, settled. Runs its experiment with many seeds and writes docs/findings.md.

    python -m benchmarks.findings [--seeds 10] [--most 30] [--sweep-seeds 5] [--dataset imdb] [--out docs]

Everything is asked of a service over HTTP: one of its own, or the one at --url. Figures are the service's.
What was trained before is taken over, so a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from benchmarks import claims
from models.settings import Settings
from ockham.demo import embedded
from ockham_client import Client, Job

HERE = Path(__file__).parent
VARIANTS = ["original", "smaller", "bigger", "l2", "dropout", "l1", "l1_l2"]
HELD_OUT = 0.4
"""Of the training reviews: 10,000 of IMDB's 25,000."""

PAIRS = {
    "smaller": "val_loss", "bigger": "val_loss", "bigger-training": "loss", "l2": "val_loss", "dropout": "val_loss",
}  # fmt: skip
"""The notebook's figures: a variant beside the original, and the metric."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Settles the notebook's claims, and writes docs/findings.md.")
    parser.add_argument("--seeds", type=int, default=10, help="of the notebook's own experiment")
    parser.add_argument("--most", type=int, default=30, help="seeds at most where they are added until all is decided")
    parser.add_argument("--sweep-seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--dataset", choices=("imdb", "synthetic"), default="imdb")
    parser.add_argument("--reviews", type=int, default=8000, help="of the synthetic data set")
    parser.add_argument("--url", help="a service that is running; without it one is started")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    chosen = parser.parse_args()
    with ExitStack() as stack:
        if (url := chosen.url) is None:
            data = Settings().data_dir.absolute() / "findings"
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            url = stack.enter_context(embedded(Settings().model_copy(update={"data_dir": data})))
        client = stack.enter_context(Client(url))
        jobs = train(client, specifications(chosen))
        write(client, jobs, chosen.out)


def specifications(chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The four experiments by name: the notebook's own, the same with all that may vary, and two sweeps."""
    data: dict[str, Any] = {"name": chosen.dataset}
    reviews = 25_000
    if chosen.dataset == "synthetic":
        reviews = data["reviews"] = chosen.reviews
    held_out = {**data, "validation": {"holdout": int(reviews * HELD_OUT)}}
    common = {"training": {"epochs": chosen.epochs}, "seeds": list(range(chosen.seeds))}
    sweep = {**common, "seeds": list(range(chosen.sweep_seeds))}
    units = [2**power for power in range(1, 10)]
    # The job compares each variant once. So it decides as surely as all claims together are settled.
    alpha = claims.ALPHA * (len(VARIANTS) - 1) / len(claims.CLAIMS)
    sizes = [reviews * tenths // 10 for tenths in (1, 2, 4, 6, 8, 10)]
    return {
        "book": {**common, "dataset": data, "variants": VARIANTS},
        "varied": {
            "training": {"epochs": chosen.epochs},
            "dataset": held_out,
            "variants": VARIANTS,
            "vary": ["seed", "split", "sample"],
            "until": {"smallest": claims.MEASURES["best"].smallest, "max_seeds": chosen.most, "alpha": alpha},
        },
        "capacity": {**sweep, "dataset": held_out, "sweep": {"grid": {"units": units}}},
        "training-size": {**sweep, "dataset": data, "sweep": {"grid": {"train_samples": sizes}}},
    }


def train(client: Client, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Job]:
    """The jobs, finished. Ends the program where one did not succeed."""
    jobs = {name: client.submit({**body, "name": f"findings: {name}"}) for name, body in wanted.items()}
    client.attempts = 12
    while pending := [name for name, job in jobs.items() if not job.finished]:
        time.sleep(5)
        jobs = {name: job if job.finished else client.job(job) for name, job in jobs.items()}
        state = ", ".join(f"{name} {jobs[name].progress['percent']:.0f}%" for name in pending)
        print(f"{time.strftime('%H:%M:%S')} {state}", file=sys.stderr, flush=True)
    if bad := [f"{name}: {job.status} ({job.error})" for name, job in jobs.items() if not job.succeeded]:
        raise SystemExit("\n".join(bad))
    return jobs


def write(client: Client, jobs: Mapping[str, Job], out: Path) -> None:
    """docs/findings.md and its figures."""
    figures = out / "images" / "findings"
    figures.mkdir(parents=True, exist_ok=True)
    for name in ("book", "varied"):
        for metric in ("val_loss", "val_data_loss", "val_acc"):
            client.plot(jobs[name], metric, path=figures / f"{name}-{metric}.png", width=1000)
        client.plot(jobs[name], "differences", path=figures / f"{name}-differences.png", width=1000)
    for variant, metric in PAIRS.items():
        pair = ["original", variant.partition("-")[0]]
        client.plot(jobs["book"], metric, variants=pair, path=figures / f"{variant}.png", width=800)
    for name in ("capacity", "training-size"):
        client.plot(jobs[name], "sweep", path=figures / f"{name}.png", width=1000)
    histories = {name: client.history(job, "json") for name, job in jobs.items()}
    of = {name: claims.measured(history) for name, history in histories.items()}
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters.update(number=number, interval=interval, p=p_value, zip=zip)
    template = environment.from_string((HERE / "findings.md.jinja").read_text())
    run = client.run(jobs["book"].runs[0].id)
    page = template.render(
        jobs=jobs,
        of=of,
        findings={"book": claims.settle(of["book"]), "varied": claims.decide(of["varied"])},
        paragraph=client.analysis(jobs["varied"])["paragraph"],
        measures=claims.MEASURES,
        mean=claims.mean,
        test=test_scores(jobs["varied"]),
        capacity=sweep(jobs["capacity"], of["capacity"], "units"),
        sizes=sweep(jobs["training-size"], of["training-size"], "train_samples"),
        fingerprint=run.raw["fingerprint"],
        seconds={name: elapsed(client, job) for name, job in jobs.items()},
    )
    (out / "findings.md").write_text(page)
    print(out / "findings.md")


def test_scores(job: Job) -> dict[str, dict[str, Any]]:
    """Each variant's score on the untouched test set: means over seeds."""
    found: claims.Measured = {}
    for run in job.runs:
        if scores := run.raw["test"]:
            found.setdefault(run.variant, {})[run.seed] = scores
    return {
        variant: {metric: claims.mean(of, metric) for metric in ("data_loss", "acc")} for variant, of in found.items()
    }


def sweep(job: Job, of: claims.Measured, axis: str) -> dict[str, Any]:
    """One row per setting, the first that is enough, and the last against the first."""
    place = {variant["name"]: int(variant["swept"][axis]) for variant in job.spec["variants"]}
    names = sorted(of, key=place.__getitem__)
    enough = claims.enough([(place[name], [values["best"] for values in of[name].values()]) for name in names])
    ends = {name: claims.difference(of[names[-1]], of[names[0]], name) for name in ("best", "rise", "best_epoch")}
    return {
        "rows": [(place[name], of[name]) for name in names],
        "enough": int(enough),
        "ends": ends,
        "verdicts": {name: claims.verdict(pair, claims.chance(pair), -1) for name, pair in ends.items()},
    }


def elapsed(client: Client, job: Job) -> float:
    """The seconds its epochs took, added up."""
    events = (event for event in client.events(job) if event.type == "run.epoch")
    return sum(float(event.data["seconds"]) for event in events)


def number(value: float | None, digits: int = 4) -> str:
    """A value in a table."""
    return "–" if value is None else f"{value:.{digits}f}"


def interval(ci95: Sequence[float] | None, digits: int = 4) -> str:
    """An interval in a table."""
    return "–" if ci95 is None else f"{ci95[0]:.{digits}f} to {ci95[1]:.{digits}f}"


def p_value(p: float | None) -> str:
    """A p value in a table."""
    return "–" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


if __name__ == "__main__":
    main()
