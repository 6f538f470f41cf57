"""Four real tables: which remedy helps, how much, and whether a network was a good idea: docs/findings-tables.md.

    python -m benchmarks.tables FOLDER [--seeds 15] [--fits 3] [--only ames,letters] [--out docs]

FOLDER has fine_foods_train.csv and fine_foods_test.csv, ames.csv, boston_housing.csv and letters.csv (docs/data.md says
where they come from). Everything is asked of a service over HTTP, one of its own or the one at --url; scikit-learn's
models are fitted here, to the same inputs of the same rows. What was trained before is taken over, so a run that was
interrupted goes on where it was. Needs the packages of the extra `dev`.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray
from sklearn import ensemble, linear_model, metrics

from benchmarks.findings import elapsed, interval, number, train
from models.drawing import SAMPLE, resample, stream
from models.kinds.networks import Layers, hidden, with_dropout
from models.preprocessing import Preprocessing
from models.settings import Settings
from ockham.demo import embedded
from ockham_client import Client, Job
from reporting.statistics import Estimate, estimate, paired
from worker.data.encoding import Encoder
from worker.use import matrix

HERE = Path(__file__).parent
PAGE = 1000
"""Rows that are read at once."""
BESIDE = 5
"""Seeds at least."""
FITS = 3
"""Seeds with which scikit-learn's models are fitted."""


@dataclass(frozen=True)
class Experiment:
    """A table, and how it is trained on.

    `unit`: what the label is divided by. `smallest`: the smallest difference of the
    best loss that matters. `strengths`: of L2, of L1 and of dropout.
    """

    title: str
    files: tuple[str, ...]
    label: str
    measured: str
    units: int
    smallest: float
    training: dict[str, Any]
    strengths: tuple[float, float, float]
    unit: float = 1.0
    dataset: dict[str, Any] = field(default_factory=dict)

    def variants(self) -> list[dict[str, Any]]:
        l2, l1, rate = self.strengths

        def named(name: str, layers: Layers) -> dict[str, Any]:
            return {"name": name, "layers": layers}

        return [
            named("original", hidden(self.units)),
            named("smaller", hidden(self.units // 4)),
            named("bigger", hidden(self.units * 4)),
            named("l2", hidden(self.units, kernel_regularizer={"l2": l2})),
            named("l1", hidden(self.units, kernel_regularizer={"l1": l1})),
            named("dropout", with_dropout(hidden(self.units), rate)),
        ]


EXPERIMENTS = {
    "fine_foods": Experiment(
        "Fine foods", ("fine_foods_train.csv", "fine_foods_test.csv"), "score",
        "reviews of food, `great` or `other`", 16, 0.005, {"epochs": 20, "batch_size": 128}, (0.001, 0.001, 0.5),
        dataset={"num_words": 10_000},
    ),
    "ames": Experiment(
        "Ames", ("ames.csv",), "Sale_Price",
        "houses by 73 numbers and categories; the price to predict, in 100,000 dollars", 64, 0.005,
        {"epochs": 60, "batch_size": 32}, (0.001, 0.001, 0.2), unit=100_000.0,
    ),
    "boston_housing": Experiment(
        "Boston housing", ("boston_housing.csv",), "medv",
        "districts by 13 numbers; the median price to predict, in 1,000 dollars", 64, 1.0,
        {"epochs": 150, "batch_size": 16}, (0.1, 0.1, 0.2),
    ),
    "letters": Experiment(
        "Letters", ("letters.csv",), "lettr", "one of 26 letters by 16 numbers", 64, 0.01,
        {"epochs": 40, "batch_size": 128}, (0.0001, 0.0001, 0.2),
    ),
}  # fmt: skip


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=15, help="at most")
    parser.add_argument("--fits", type=int, default=FITS, help="seeds of scikit-learn's models; 0 leaves them out")
    parser.add_argument("--only", default=",".join(EXPERIMENTS))
    parser.add_argument("--url", help="a service that is running; without it one is started")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    chosen = parser.parse_args()
    wanted = {name: EXPERIMENTS[name] for name in chosen.only.split(",")}
    with ExitStack() as stack:
        if (url := chosen.url) is None:
            data = Settings().data_dir.absolute() / "findings"
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            url = stack.enter_context(embedded(Settings().model_copy(update={"data_dir": data})))
        client = stack.enter_context(Client(url))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=120))
        sent = {name: send(client, each, chosen.folder) for name, each in wanted.items()}
        jobs = train(client, {name: specification(each, sent[name], chosen.seeds) for name, each in wanted.items()})
        results = {name: settle(client, http, sent[name], jobs[name], chosen.fits) for name in wanted}
        seconds = {name: elapsed(client, job) for name, job in jobs.items()}
        fingerprint = client.run(next(iter(jobs.values())).runs[0].id).raw["fingerprint"]
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters.update(number=number, interval=interval)
    page = environment.from_string((HERE / "tables.md.jinja").read_text()).render(
        experiments=wanted, sent=sent, jobs=jobs, results=results, seconds=seconds, fingerprint=fingerprint,
        most=chosen.seeds, beside=BESIDE, fits=chosen.fits,
    )  # fmt: skip
    (chosen.out / "findings-tables.md").write_text(page)
    print(chosen.out / "findings-tables.md")


def send(client: Client, experiment: Experiment, folder: Path) -> dict[str, Any]:
    """The data set: a table that has no test file gives a fifth of its rows to one, drawn by chance."""
    tables = [pandas.read_csv(folder / name, dtype=str, keep_default_na=False) for name in experiment.files]
    if len(tables) == 1:
        order = np.random.default_rng(0).permutation(len(tables[0]))
        end = len(order) // 5
        tables = [tables[0].iloc[order[end:]], tables[0].iloc[order[:end]]]
    if experiment.unit != 1:
        for table in tables:
            table[experiment.label] = table[experiment.label].astype(float) / experiment.unit
    train, test = tables
    return client.add_dataset(train, experiment.label, test=test, name=experiment.title)


def specification(experiment: Experiment, sent: dict[str, Any], seeds: int) -> dict[str, Any]:
    """The job: all that can vary does, until each remedy is decided or there are `seeds` seeds."""
    return {
        "dataset": {"id": sent["id"], "validation": {"holdout": 0.2}, **experiment.dataset},
        "training": experiment.training,
        "variants": experiment.variants(),
        "vary": ["seed", "split", "sample"],
        "until": {"smallest": experiment.smallest, "min_seeds": BESIDE, "max_seeds": seeds},
    }


def settle(client: Client, http: httpx.Client, sent: dict[str, Any], job: Job, count: int) -> dict[str, Any]:
    """What the service decides, the scores on the test file, and those of scikit-learn's models."""
    analysis = client.analysis(job)
    measure, sign = ("mae", 1) if sent["task"] == "regression" else ("acc", -1)
    tested: dict[str, dict[int, dict[str, float]]] = {}
    for run in job.runs:
        tested.setdefault(run.variant, {})[run.seed] = run.raw["test"]
    scores = {variant: Scores.of(list(of.values()), measure) for variant, of in tested.items()}
    base = tested["original"]
    gains = {
        variant: paired([of[s]["data_loss"] for s in of], [base[s]["data_loss"] for s in of])
        for variant, of in tested.items()
        if variant != "original"
    }
    firsts = [run for run in job.runs if run.variant == "original" and run.seed < count]
    others: dict[str, list[dict[str, float]]] = {}
    rows = {split: list(all_rows(client, sent["id"], split)) for split in ("train", "test") if firsts}
    for run in firsts:
        held = {row["row"] for row in client.predictions(run.id, format="json")["data"]}
        left = np.array([i for i in range(len(rows["train"])) if i + 1 not in held])
        trained = [rows["train"][i] for i in resample(stream(run.seed, SAMPLE), left)]
        preprocessing = Preprocessing.model_validate_json(http.get(f"/v1/runs/{run.id}/preprocessing.json").content)
        for name, score in fitted(preprocessing, sent, trained, rows["test"]):
            others.setdefault(name, []).append(score)
    fits = {name: Scores.of(each, measure) for name, each in others.items()}
    return {
        "comparisons": {each["variant"]: each for each in analysis["comparisons"] if each["metric"] == BEST},
        "variants": {each["variant"]: each for each in analysis["variants"]},
        "paragraph": analysis["paragraph"],
        "scores": scores,
        "gains": gains,
        "others": fits,
        "best": lowest(scores, "loss"),
        "best_other": lowest(fits, "loss") if fits else None,
        "best_measure": lowest(scores, "measure", sign),
        "best_other_measure": lowest(fits, "measure", sign) if fits else None,
    }


def lowest(scores: Mapping[str, Scores], what: str, sign: int = 1) -> str:
    """The model of the least mean, or with `sign` -1 of the greatest."""
    return min(scores, key=lambda name: sign * (getattr(scores[name], what).mean or 0.0))


BEST = "best_val_data_loss"


@dataclass(frozen=True)
class Scores:
    """Over seeds, on the test file: the loss, and the accuracy or the mean absolute error."""

    loss: Estimate
    measure: Estimate

    @classmethod
    def of(cls, scores: list[dict[str, float]], measure: str) -> Scores:
        return cls(*(estimate([each[name] for each in scores]) for name in ("data_loss", measure)))


def all_rows(client: Client, dataset_id: str, split: str) -> Iterator[dict[str, Any]]:
    """A data set's rows, in the file's order."""
    after = 0
    while page := client.rows(dataset_id, split=split, limit=PAGE, after=after):
        yield from page
        after += len(page)


Values = NDArray[np.float64]


def fitted(
    preprocessing: Preprocessing, sent: dict[str, Any], trained: list[dict[str, Any]], test: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, float]]]:
    """The scores on the test rows of scikit-learn's models, with the inputs that the network had."""
    x, x_test = (inputs(preprocessing, rows) for rows in (trained, test))
    y, y_test = (np.array([row[sent["label"]["column"]] for row in rows]) for rows in (trained, test))
    regression = sent["task"] == "regression"
    dense = (x.toarray(), x_test.toarray())
    models: dict[str, Any] = (
        {
            "linear regression": linear_model.LinearRegression(),
            "ridge regression, its strength by cross-validation": linear_model.RidgeCV(np.logspace(-2, 4, 13)),
            "random forest": ensemble.RandomForestRegressor(random_state=0),
            "gradient boosting": ensemble.HistGradientBoostingRegressor(random_state=0),
        }
        if regression
        else {
            "logistic regression": linear_model.LogisticRegression(max_iter=1000),
            "random forest": ensemble.RandomForestClassifier(random_state=0),
            "gradient boosting": ensemble.HistGradientBoostingClassifier(random_state=0),
        }
    )
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that logistic regression might go on
            model.fit(dense[0], y)
        if regression:
            said = model.predict(dense[1])
            loss = metrics.mean_squared_error(y_test, said)
            yield name, {"data_loss": loss, "mae": metrics.mean_absolute_error(y_test, said)}
        else:
            likely = model.predict_proba(dense[1])
            right = float((model.classes_[likely.argmax(1)] == y_test).mean())
            yield name, {"data_loss": metrics.log_loss(y_test, likely, labels=model.classes_), "acc": right}


def inputs(preprocessing: Preprocessing, rows: list[dict[str, Any]]) -> Any:
    """The rows as the network had them: a sparse matrix (rows, inputs)."""
    columns = {each.column: [row[each.column] for row in rows] for each in preprocessing.columns}
    return matrix(Encoder(preprocessing).encode(columns, np.zeros(len(rows), np.float32)), preprocessing)


if __name__ == "__main__":
    main()
