"""A job's runs in MLflow: `export(client, job)`. MLflow is imported when that is called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ockham_client.calls import JobLike
from ockham_client.errors import ExportError
from ockham_client.objects import Job, Run
from ockham_client.synchronous import Client

if TYPE_CHECKING:
    from mlflow import MlflowClient

INSTALL = "pip install 'mlflow-skinny>=3.17'"

STATUSES = {"succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
"""What MLflow calls the statuses that a run ends with."""

MOST_METRICS, MOST_PARAMS = 1000, 100
"""What MLflow takes in one call."""


@dataclass(frozen=True)
class Exported:
    """Where a job's runs are: `experiment` is its id, `logged` and `known` are MLflow's ids of runs by Ockham's."""

    experiment: str
    logged: dict[str, str]
    """Written by this call."""
    known: dict[str, str]
    """There already."""


def export(client: Client, job: JobLike, tracking_uri: str | None = None, experiment: str | None = None) -> Exported:
    """Logs every run of a job as an MLflow run of `experiment`, else of the one with the job's name.

    `tracking_uri` is MLflow's own default unless given. A job that still trains is waited for. A run that is
    there already is left as it is; one that was trained again since then takes its predecessor's place.
    Raises `ExportError` if MLflow is missing or refuses, or if the experiment was deleted in MLflow.
    """
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ExportError(f"MLflow is not installed: {INSTALL}") from error
    # The events end when the job does, and then its history is whole.
    times = {
        (event.run_id, event.data["epoch"]): _milliseconds(event.created_at)
        for event in client.events(job)
        if event.type == "run.epoch"
    }
    job = client.job(job)
    histories = {run["run_id"]: run for run in client.history(job, "json")["runs"]}
    try:
        target = MlflowClient(tracking_uri)
        name = experiment or job.name
        found = target.get_experiment_by_name(name)
        if found and found.lifecycle_stage == "deleted":
            raise ExportError(
                f"The MLflow experiment {name!r} was deleted, and MLflow keeps its name. Export into another one "
                f"(--experiment NAME), or restore it: mlflow experiments restore -x {found.experiment_id}"
            )
        experiment_id = found.experiment_id if found else target.create_experiment(name)
        done = Exported(experiment_id, {}, {})
        there = _exported(target, experiment_id, job)
        for run in job.runs:
            if run.raw.get("trial") is not None:
                continue  # a search's: its values are no result of the job
            before = there.get(run.id)
            if before and before.data.tags["ockham.attempt"] == str(run.raw["attempt"]) and before.info.end_time:
                done.known[run.id] = before.info.run_id
                continue
            if before:
                target.delete_run(before.info.run_id)
            done.logged[run.id] = _log(target, experiment_id, client.url, job, run, histories[run.id], times)
    except (MlflowException, ImportError) as error:
        raise ExportError(f"MLflow refused: {error}") from error
    return done


def _exported(target: MlflowClient, experiment_id: str, job: Job) -> dict[str, Any]:
    """The runs that MLflow has of the job, by Ockham's ids."""
    found: dict[str, Any] = {}
    token = None
    while True:
        page = target.search_runs([experiment_id], f"tags.`ockham.job_id` = '{job.id}'", page_token=token)
        found |= {run.data.tags["ockham.run_id"]: run for run in page}
        if not (token := page.token):
            return found


def _log(
    target: MlflowClient,
    experiment_id: str,
    url: str,
    job: Job,
    run: Run,
    history: Mapping[str, Any],
    times: Mapping[tuple[str | None, int], int],
) -> str:
    """MLflow's id of the run. Its end is written last: a run without one is not whole."""
    from mlflow.entities import Metric, Param

    tags = {
        "ockham.job_id": job.id,
        "ockham.run_id": run.id,
        "ockham.attempt": str(run.raw["attempt"]),
        "ockham.status": run.status,
        "ockham.url": f"{url.rstrip('/')}/jobs/{job.id}",
        **({"ockham.error": json.dumps(run.error)} if run.error else {}),
    }
    started = _milliseconds(run.raw["started_at"] or run.raw["created_at"])
    named = f"{run.variant}, seed {run.seed}"
    made: str = target.create_run(experiment_id, started, tags, run_name=named).info.run_id
    params = [Param(name, str(value)) for name, value in _params(job, run).items()]
    for some in _batches(params, MOST_PARAMS):
        target.log_batch(made, params=some)
    metrics = [
        Metric(name, value, times[run.id, epoch], epoch)
        for name, values in _values(history).items()
        for epoch, value in zip(history["epochs"], values, strict=True)
    ]
    for some in _batches(metrics, MOST_METRICS):
        target.log_batch(made, metrics=some)
    target.set_terminated(made, STATUSES[run.status], _milliseconds(run.raw["finished_at"]))
    return made


def _params(job: Job, run: Run) -> dict[str, Any]:
    """What the run was trained with: the job's settings, and the variant's own in their place."""
    variant = next(each for each in job.spec["variants"] if each["name"] == run.variant)
    dataset = {**job.spec["dataset"], **(variant["dataset"] or {})}
    training = variant["training"] or job.spec["training"]
    given = {"dataset": dataset, "training": training, "layers": variant["layers"]}
    return {"variant": run.variant, "seed": run.seed, "parameters": run.parameters, **dict(_flat("", given))}


def _flat(above: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values within, by their paths (`layers.0.units`); what is null is left out."""
    if isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(f"{above}.{name}" if above else str(name), inner)
    elif value is not None:
        yield above, value


def _values(history: Mapping[str, Any]) -> dict[str, list[float]]:
    """A run's metrics, with the values that JSON shows as null."""
    metrics = {name: list(values) for name, values in history["metrics"].items()}
    for each in history["nonfinite"]:
        metrics[each["metric"]][history["epochs"].index(each["epoch"])] = float(each["kind"])
    return metrics


def _batches(values: list[Any], size: int) -> Iterator[list[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
