"""The commands that use a running service, by way of the client."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from models.kinds.metrics import METRICS, VAL_DATA_LOSS
from models.presets import JOBS
from models.search import Final
from models.specification import dataset_of
from models.suggestions import did_you_mean
from ockham import completion, tables
from ockham.errors import NOT_TEXT
from ockham.progress import JobProgress
from ockham.summary import show_analysis, summarize
from ockham_client import Client, ExportError, Job, JobTimeout, OckhamAPIError, OckhamConnectionError, Run
from ockham_client.specifications import SUFFIXES, body_of, parse

FAILED, USAGE, UNREACHABLE, CANCELLED, REFUSED, TIMEOUT, INTERRUPTED, UNREAD = 1, 2, 3, 4, 5, 6, 130, 141
"""Exit codes beside 0; docs/cli.md says what each means."""

Url = Annotated[
    str | None, typer.Option("--url", help="The service.", show_default="$OCKHAM_URL, or http://127.0.0.1:8000")
]
AsJson = Annotated[bool, typer.Option("--json", help="The service's answer as JSON.")]
JobId = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="Its id or the beginning of it, its name, or `latest`.", autocompletion=completion.jobs
    ),
]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Its id, or JOB/VARIANT/SEED, such as latest/l2/0.", autocompletion=completion.runs
    ),
]

Until = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD=VALUE,...",
        help="Add seeds until the comparisons are decided: smallest=0.005,max_seeds=30, for example.",
        autocompletion=completion.until,
    ),
]
TRIALS: dict[str, Any] = JOBS["remedies"]["search"]
FINAL_SEEDS = Final.model_fields["seeds"].default
Smallest = Annotated[
    float | None, typer.Option(help="The smallest difference that matters, in each metric's own unit.")
]


def output() -> Console:
    """Where results go. Tables are as wide as they must be where nobody's screen is the limit."""
    console = _Output(highlight=False)
    return console if console.is_terminal else _Output(highlight=False, width=200)


class _Output(Console):
    """Leaves it to `service` what a reader that has gone means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextmanager
def service(url: str | None) -> Iterator[Client]:
    """A client whose errors become messages and exit codes."""
    try:
        with Client(url, attempts=3) as client:
            try:
                yield client
            finally:
                sys.stdout.flush()  # here, where it is noticed that nobody reads any more
    except BrokenPipeError:  # as in `ockham history JOB | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(UNREAD) from None
    except OckhamAPIError as error:
        _leave(str(error), USAGE if error.status in (400, 413, 422) else REFUSED)
    except OckhamConnectionError as error:
        hint = "`ockham serve` starts it; OCKHAM_URL or --url names it"
        _leave(f"{error}. Is it running at {client.url}? {hint}.", UNREACHABLE)
    except JobTimeout as error:
        _leave(f"{error}; it goes on", TIMEOUT)
    except UnicodeEncodeError:
        _leave(NOT_TEXT, USAGE)
    except (ExportError, OSError, ValueError) as error:
        _leave(str(error), USAGE)


def _leave(message: str, code: int) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(message, style="red", markup=False)
    raise typer.Exit(code) from None


def print_json(answer: Any) -> None:
    """`answer` for programs."""
    json.dump(answer, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def exit_code(job: Job) -> int:
    """What a finished job's status is for a script."""
    return {"succeeded": 0, "cancelled": CANCELLED}.get(job.status, FAILED)


def submit(
    specification: Annotated[
        str,
        typer.Argument(
            metavar="FILE|PRESET",
            help="A JSON or YAML file, `-` for standard input, or a preset.",
            autocompletion=completion.specifications,
        ),
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most; the job goes on then.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs to train, in place of the specification's.")] = None,
    name: Annotated[str | None, typer.Option(help="The job's name, in place of the specification's.")] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="What is another for each seed: seed, split or sample. Repeatable.",
            autocompletion=completion.of("seed", "split", "sample"),
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Epochs whose models are kept: chosen, last, every, or numbers such as 3,10.",
            autocompletion=completion.of("chosen", "last", "every"),
        ),
    ] = None,
    until: Until = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key never makes a second job.")] = None,
    validate: Annotated[bool, typer.Option("--validate", help="Only resolve the specification.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Submits a job, and prints its id; with --wait, its progress and its results."""
    with service(url) as client:
        body = _body(specification)
        if name is not None:
            body["name"] = name
        if epochs is not None:
            body["training"] = {**(body.get("training") or {}), "epochs": epochs}
        if vary:
            body["vary"] = vary
        if keep is not None:
            numbers = keep.split(",")
            body["keep"] = [int(each) for each in numbers] if all(each.isdecimal() for each in numbers) else keep
        if until is not None:
            body["until"] = _until(until)
        if validate:
            print_json(client.validate(body))
            return
        job = client.submit(body, idempotency_key=idempotency_key)
        if wait:
            _follow(client, job, timeout, as_json)
        elif as_json:
            print_json(job.raw)
        else:
            print(job.id)


def _until(text: str) -> dict[str, Any]:
    """`smallest=0.005,metric=val_acc` as a specification has it; what is allowed is said by the service.

    Raises ValueError for what is no NAME=VALUE.
    """
    members = dict(_member(each) for each in text.split(",") if each)
    return {name: value if name == "metric" else _number(value) for name, value in members.items()}


def _number(text: str) -> float | str:
    """The number that `text` is; what is none as it is, which the service refuses with its place."""
    try:
        return int(text) if text.isdecimal() else float(text)
    except ValueError:
        return text


def remedies(
    dataset: Annotated[
        str, typer.Option(help="A data set's name, or the id of one's own.", autocompletion=completion.datasets)
    ] = "imdb",
    runs: Annotated[
        int | None,
        typer.Option(help=f"Trials in all, in place of {TRIALS['budget']['runs']}: {len(TRIALS['space'])} at least."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help=f"Fresh seeds of each remedy at its best, in place of {FINAL_SEEDS}."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs to train, in place of the default.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most; the job goes on then.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Compares the remedies against overfitting on a data set, each at its best strength."""
    with service(url) as client:
        body: dict[str, Any] = {
            "preset": "remedies",
            "dataset": {"id" if dataset.startswith("ds_") else "name": dataset},
        }
        if epochs is not None:
            body["training"] = {"epochs": epochs}
        search = {
            **({} if runs is None else {"budget": {"runs": runs}}),
            **({} if seeds is None else {"final": {"seeds": seeds}}),
        }
        if search:
            body["search"] = search
        _follow(client, client.submit(body), timeout, as_json)


def _body(specification: str) -> dict[str, Any]:
    """Raises ValueError for what is no file and no preset, which says what it may have been meant for."""
    if specification == "-":
        return dict(parse(sys.stdin.buffer.read(), "standard input"))
    # A file of this name comes before a preset: presets have no dots and no slashes.
    file = Path(specification)
    if file.is_file():
        return body_of(file, {})
    from models.presets import JOBS  # with all kinds of data sets, which take a while to load

    if specification not in JOBS:
        beside = [str(each) for each in file.parent.glob("*") if each.suffix.lower() in SUFFIXES]
        known = {**{each.rpartition(".")[0]: each for each in beside}, **{each: each for each in (*beside, *JOBS)}}
        meant = did_you_mean(str(file), known)
        raise ValueError(f"There is no file and no preset named {specification!r}{meant}")
    return body_of(specification, {})


def _follow(client: Client, job: Job, timeout: float | None, as_json: bool) -> None:
    try:
        with JobProgress(job) as progress:
            job = client.wait(job, timeout, progress.on_event)
    except KeyboardInterrupt:
        _leave(f"The job goes on; `ockham watch {job.id}` follows it, `ockham cancel {job.id}` ends it", INTERRUPTED)
    _show(client, job, as_json)
    raise typer.Exit(exit_code(job))


def _show(client: Client, job: Job, as_json: bool) -> None:
    if as_json:
        print_json(job.raw)
        return
    console = output()
    console.print(tables.job_table(job, console.width))
    if job.error:
        console.print(f"{job.error['message']} ({job.error['code']})", style="red", markup=False, soft_wrap=True)
    if any(run.status == "succeeded" for run in job.runs):
        summarize(client, job).show(console)
    elif any(run.epoch for run in job.runs):
        rows = tables.results(job, client.metrics(job))
        tables.results_grid(job, rows).show(console)


def watch(
    job: JobId,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most; the job goes on then.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Follows a job to its end, then shows its results."""
    with service(url) as client:
        _follow(client, client.job(job), timeout, as_json)


def jobs(
    status: Annotated[
        str | None, typer.Option(help="Only jobs of this status.", autocompletion=completion.statuses)
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs of this name.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only jobs with this tag. Repeatable.")] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only jobs with this in their metadata. Repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Lists jobs, newest first."""
    with service(url) as client:
        members = dict(_member(each) for each in metadata or ())
        found = list(client.jobs(status=status, name=name, limit=limit + 1, tags=tag or (), metadata=members))
        shown, has_more = found[:limit], len(found) > limit
        if as_json:
            print_json({"object": "list", "data": [job.raw for job in shown], "has_more": has_more})
        else:
            console = output()
            console.print(tables.jobs_table(shown, console.width, found[limit:]))


def _member(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not is_there:
        raise ValueError(f"{text!r}: write NAME=VALUE")
    return name, value


def describe(
    job: JobId,
    name: Annotated[str | None, typer.Option(help="Its new name.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Its tags, in place of those it has. Repeatable.")] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take its tags away.")] = False,
    notes: Annotated[str | None, typer.Option(help="Its notes, in place of those it has.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Changes a job's name, tags or notes."""
    with service(url) as client:
        if tag and no_tags:
            raise ValueError("--tag and --no-tags contradict each other")
        _answer(client.describe(job, name, [] if no_tags else tag, notes), as_json)


def show(job: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Shows a job: its runs, and what they came to so far."""
    with service(url) as client:
        _show(client, client.job(job), as_json)


def _is_run(named: str) -> bool:
    """Whether a command's argument names a run, not a job."""
    return named.startswith("run_") or "/" in named


def cancel(
    job: Annotated[
        str,
        typer.Argument(
            metavar="JOB|RUN",
            help="A job, or one run: its id, or JOB/VARIANT/SEED, as latest/l2/0.",
            autocompletion=completion.jobs_and_runs,
        ),
    ],
    variant: Annotated[
        list[str] | None,
        typer.Option(help="Only the runs of this variant. Repeatable.", autocompletion=completion.variants),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Ends a job, some variants of it, or one run; what is recorded stays."""
    with service(url) as client:
        if _is_run(job):
            if variant:
                raise ValueError("--variant is of a job, not of a run")
            _answer(client.cancel_run(job), as_json)
        else:
            _answer(client.cancel(job, variant or ()), as_json)


def retry(
    job: Annotated[
        str,
        typer.Argument(
            metavar="JOB|RUN",
            help="A job, or one trial of a search: its id, or JOB/VARIANT/SEED.",
            autocompletion=completion.jobs_and_runs,
        ),
    ],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Queues a job's failed and cancelled runs again, or takes up a trial that was pruned."""
    with service(url) as client:
        if _is_run(job):
            _answer(client.resume_run(job), as_json)
        else:
            _answer(client.retry(job), as_json)


def seeds(
    job: JobId,
    seeds: Annotated[
        list[int] | None, typer.Argument(metavar="SEED...", help="Seeds that the job does not have yet.")
    ] = None,
    until: Until = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Trains a finished job's variants with further seeds, or adds seeds until its comparisons are decided."""
    with service(url) as client:
        if bool(seeds) == (until is not None):
            raise ValueError("Name seeds that the job does not have yet, or say --until when there are enough")
        _answer(client.add_seeds(job, seeds or (), until=None if until is None else _until(until)), as_json)


def reproduce(
    run: RunId,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Trains a run again, and says whether the same numbers came."""
    with service(url) as client:
        asked = client.reproduce(run)
        client.wait(asked["job_id"])
        found = client.run(run).raw["reproductions"]
        verdict = next(each for each in found if each["run_id"] == asked["run_id"])
        if as_json:
            print_json(verdict)
        elif first := verdict["first_difference"]:
            where = f"epoch {first['epoch']}, {first['metric']}"
            print(f"{verdict['verdict']}: {where} was {first['original']}, is {first['again']}")
        else:
            print(verdict["verdict"] or f"the run has {verdict['status']}")
    if verdict["verdict"] not in ("bitwise", "within_tolerance"):
        raise typer.Exit(FAILED)


def _answer(job: Job | Run, as_json: bool) -> None:
    if as_json:
        print_json(job.raw)
    else:
        print(f"{job.id} is {job.status}")


def delete(job: JobId, url: Url = None) -> None:
    """Deletes a finished job with all its results."""
    with service(url) as client:
        client.delete(job)


def history(
    job: Annotated[
        list[str], typer.Argument(metavar="JOB...", help="One job, or several.", autocompletion=completion.jobs)
    ],
    format: Annotated[
        str,
        typer.Option(
            help="One of the service's formats, such as json, csv or parquet.",
            autocompletion=completion.of("csv", "json", "ndjson", "parquet"),
        ),
    ] = "csv",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file, in place of standard output.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Prints every epoch of every run."""
    format = "json" if as_json else format
    with service(url) as client:
        _write(client.history(job[0] if len(job) == 1 else job, format), out)


def predictions(
    run: RunId,
    split: Annotated[
        str,
        typer.Option(
            help="validation, or test of a run with a holdout.", autocompletion=completion.of("validation", "test")
        ),
    ] = "validation",
    format: Annotated[
        str, typer.Option(help="csv, json or parquet.", autocompletion=completion.of("csv", "json", "parquet"))
    ] = "csv",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file, in place of standard output.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Prints what a run's network predicts of each row at its chosen epoch, and the row's loss."""
    with service(url) as client:
        _write(client.predictions(run, split, "json" if as_json else format), out)


def model(
    run: RunId,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file; RUN.keras unless given.")] = None,
    epoch: Annotated[int | None, typer.Option(help="One that the job's `keep` names; else the chosen one.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="A model that takes rows as they are written.")] = False,
    url: Url = None,
) -> None:
    """Downloads a run's Keras model, and prints the file's name."""
    with service(url) as client:
        print(client.model(run, out or Path(f"{run}.keras"), raw=raw, epoch=epoch))


def _write(answer: Any, out: Path | None) -> None:
    """An answer in the format that it came in, to a file or to standard output."""
    content = json.dumps(answer, indent=2) + "\n" if isinstance(answer, dict) else answer
    raw = content.encode() if isinstance(content, str) else content
    if out:
        out.write_bytes(raw)
    else:
        sys.stdout.buffer.write(raw)


def metrics(
    job: JobId,
    by: Annotated[
        str | None,
        typer.Option(
            help=f"The metric of the validation set that says which epoch is best; {VAL_DATA_LOSS} if none.",
            autocompletion=completion.metrics,
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Shows the best and the final values of each variant."""
    with service(url) as client:
        answer = client.metrics(job, by)
        if as_json:
            print_json(answer)
            return
        shown = client.job(job)
        tables.results_grid(shown, tables.results(shown, answer), by or VAL_DATA_LOSS).show(output())


def analysis(
    job: JobId,
    view: Annotated[
        str | None,
        typer.Option(
            help="data (the loss without penalties) or keras (penalties too).",
            autocompletion=completion.of("data", "keras"),
        ),
    ] = None,
    smallest: Smallest = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Shows each variant's verdict and its difference from the baseline, the answer in words, and its warnings."""
    with service(url) as client:
        answer = client.analysis(job, view, smallest=smallest)
        if as_json:
            print_json(answer)
            return
        spec = client.job(job).spec
        show_analysis(output(), spec["baseline"], dataset_of(spec).task, answer)


def why(job: JobId, url: Url = None, as_json: AsJson = False) -> None:
    """Says by which rows each variant's validation loss rises."""
    with service(url) as client:
        answer = client.why(job)
        if as_json:
            print_json(answer)
            return
        for each in answer["variants"]:
            print(f"{each['variant']}: {each['sentence']}")
        if not answer["variants"]:
            print("No run has succeeded whose predictions are kept.")


def plot(
    job: JobId,
    metric: Annotated[
        str,
        typer.Argument(
            help=f"One that is recorded of: {', '.join(METRICS)}; or another figure: sweep, say.",
            autocompletion=completion.figures,
        ),
    ] = VAL_DATA_LOSS,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file: .png, .svg or .pdf.")] = None,
    variants: Annotated[
        str | None,
        typer.Option(help="Names, with commas between; all unless given.", autocompletion=completion.variants),
    ] = None,
    style: Annotated[
        str | None, typer.Option(help="lines or notebook.", autocompletion=completion.of("lines", "notebook"))
    ] = None,
    band: Annotated[
        str | None,
        typer.Option(help="ci95, sd, minmax or none.", autocompletion=completion.of("ci95", "sd", "minmax", "none")),
    ] = None,
    over: Annotated[str | None, typer.Option(help="Of a sweep, one of what was swept, or two: units,l2.")] = None,
    against: Annotated[
        str | None, typer.Option(help="Of tradeoff: parameters, seconds, or an axis of the job's sweep.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Show it in this machine's viewer.")] = False,
    url: Url = None,
) -> None:
    """Draws a metric of a job's variants over the epochs, or another of the job's figures."""
    target = out or Path(f"{metric}.png")
    with service(url) as client:
        chosen = variants.split(",") if variants else None
        kind = target.suffix.lower().lstrip(".") or "png"
        client.plot(
            job, metric, format=kind, path=target, variants=chosen, style=style, band=band, over=over, against=against
        )
    print(target)
    if show:
        typer.launch(str(target))


def report(
    job: JobId,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("report.html"),
    url: Url = None,
) -> None:
    """Writes a report to read and to print: figures, verdicts, comparisons on one page."""
    with service(url) as client:
        print(client.report(job, out))


def bundle(
    job: JobId,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("bundle.zip"),
    url: Url = None,
) -> None:
    """Writes everything in one archive, with a script that trains the same with Keras alone."""
    with service(url) as client:
        print(client.bundle(job, out))


def presets(url: Url = None, as_json: AsJson = False) -> None:
    """Lists the named variants and jobs."""
    with service(url) as client:
        answer = client.presets()
        if as_json:
            print_json(answer)
            return
        for variant in answer["variants"]:
            print(f"variant  {variant['name']:<10}{variant['description']}")
        for each in answer["jobs"]:
            names = ", ".join(variant["name"] for variant in each["spec"]["variants"])
            print(f"job      {each['name']:<10}{names}")


def mcp(url: Url = None) -> None:
    """Serves agents by the Model Context Protocol, on standard input and output."""
    try:
        from ockham.mcp import serve
    except ModuleNotFoundError:
        _leave("The package mcp is not installed: pip install 'ockham[mcp]'", USAGE)
    serve(url)
