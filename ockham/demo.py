"""`ockham demo`: the notebook's experiment, from an empty directory to its figures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from models.kinds.metrics import VAL_DATA_LOSS
from ockham import tables
from ockham.errors import PartFailed
from ockham.guardian import OCKHAM, Guardian
from ockham.progress import JobProgress
from ockham.service import settings_for
from ockham.summary import Summary, comparisons, summarize
from ockham.verbs import exit_code, output
from ockham_client import Client, Job, OckhamError

if TYPE_CHECKING:
    from models.settings import Settings

FIGURES = {
    "1_smaller_validation_loss": ("val_loss", "smaller"),
    "2_bigger_validation_loss": ("val_loss", "bigger"),
    "3_bigger_training_loss": ("loss", "bigger"),
    "4_l2_validation_loss": ("val_loss", "l2"),
    "5_dropout_validation_loss": ("val_loss", "dropout"),
}
"""The notebook's figures in its order: each shows `original` beside one other variant."""

START_SECONDS = 180
STOP_SECONDS = 60


def demo(
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs a run.", show_default="the notebook's 20")] = None,
    out: Annotated[Path, typer.Option(help="Where figures and summary go.")] = Path("results"),
) -> None:
    """Runs the notebook's experiment: starts a service of its own, trains, draws the figures, ends the service.

    Everything of the service is in `demo` in the data directory; prepared data sets there are used again.
    """
    from models.errors import RunError

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    settings = settings_for(None)
    settings = settings.model_copy(update={"data_dir": settings.data_dir.absolute() / "demo"})
    try:
        dataset = _choose_dataset(settings, console)
        with embedded(settings) as url, Client(url) as client:
            console.print(f"The service runs at {url}, its data in {settings.data_dir}", markup=False)
            job = _train(client, dataset, epochs)
            if not job.succeeded:
                console.print(tables.job_table(job))
                raise typer.Exit(exit_code(job))
            summary = _write_results(client, job, out)
    except (PartFailed, RunError, OckhamError, OSError) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    summary.show(output())
    print(f"Figures, history and summary are in {out}/")


def _choose_dataset(settings: Settings, console: Console) -> str:
    """`imdb` where it can be had, prepared then; else `synthetic`, and why is said."""
    from models.errors import DatasetUnavailable
    from models.kinds.datasets.imdb import Imdb
    from worker.data import load

    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        load(Imdb(), settings.data_dir, settings.npz("imdb"))
    except DatasetUnavailable as error:
        console.print(f"Training on synthetic reviews, because IMDB's cannot be had: {error}", markup=False)
        return "synthetic"
    return "imdb"


@contextmanager
def embedded(settings: Settings, *options: str) -> Iterator[str]:
    """`ockham serve` on a free port, SQLite and Valkey embedded, with further `options`; its address."""
    unset = ("OCKHAM_DATABASE_URL", "OCKHAM_REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    log, address = settings.data_dir / "serve.log", settings.data_dir / "service.url"
    address.unlink(missing_ok=True)
    guardian = Guardian()
    with log.open("wb") as said:
        command = [*OCKHAM, "serve", "--port", "0", "--data-dir", str(settings.data_dir), *options]
        process = guardian.begin(command, log=said.fileno(), env=environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not address.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PartFailed(f"The service did not start.\n{log.read_text()}")
            time.sleep(0.1)
        yield address.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        guardian.bury(process)
        guardian.close()


def _train(client: Client, dataset: str, epochs: int | None) -> Job:
    # An earlier demo that was interrupted may have left runs in the queue.
    for status in ("queued", "running"):
        for old in client.jobs(status=status):
            client.cancel(old)
    training = {} if epochs is None else {"epochs": epochs}
    job = client.submit({"preset": "notebook", "dataset": {"name": dataset}, "training": training, "reuse": "never"})
    with JobProgress(job) as progress:
        return client.wait(job, on_event=progress.on_event)


def _write_results(client: Client, job: Job, out: Path) -> Summary:
    """Writes everything into `out`; what sums it up."""
    out.mkdir(parents=True, exist_ok=True)
    for name, (metric, variant) in FIGURES.items():
        client.plot(job, metric, variants=["original", variant], style="notebook", path=out / f"{name}.png")
    client.plot(job, VAL_DATA_LOSS, style="lines", path=out / "all_validation_loss.png")
    (out / "history.csv").write_bytes(client.history(job, "csv").encode())
    summary = summarize(client, job)
    facts = {"dataset": tables.data_set(job), "epochs": job.spec["training"]["epochs"], "job_id": job.id}
    verdicts = {variant["variant"]: variant["verdict"] for variant in summary.analysis["variants"]}
    variants = [{**row, "verdict": verdicts[row["variant"]]} for row in summary.rows]
    found = {**facts, "variants": variants, "comparisons": comparisons(summary.analysis)}
    (out / "summary.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    (out / "summary.md").write_text(_markdown(job, summary), "utf-8")
    return summary


def _markdown(job: Job, summary: Summary) -> str:
    lines = [
        f"# {job.name}, on the data set `{tables.data_set(job)}`, {job.spec['training']['epochs']} epochs",
        "",
        *summary.results.markdown(),
        "",
        *(f"![{name}]({name}.png)" for name in (*FIGURES, "all_validation_loss")),
        "",
        f"{summary.comparison.title}:",
        "",
        *summary.comparison.markdown(),
        "",
        "The figures 1 to 5 show Keras's losses, which include weight penalties, as in the notebook.",
        "",
        *(line for note in summary.notes for line in (note, "")),
    ]
    return "\n".join(lines).rstrip() + "\n"
