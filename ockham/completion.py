"""What a shell may complete: fixed words, files, and what the service has.

The service is asked briefly. If it does not answer there is nothing to complete, and no message: the shell would write
it into the line that is being typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import typer

from models.kinds.metrics import METRICS
from models.until import COMPARED, Until
from ockham_client import Client, OckhamAPIError, OckhamConnectionError
from ockham_client.references import LATEST
from ockham_client.specifications import SUFFIXES

PATIENCE = 1.0
"""Seconds that the service may be silent: somebody has pressed a key and waits."""
NEWEST = 50
"""So many of the newest jobs, comparisons and data sets are offered."""
FIGURES = (
    "calibration", "combinations", "confusion", "differences", "ranking", "roc", "search", "sweep", "tradeoff", "why",
)  # fmt: skip
"""Figures of a job beside those of its metrics. Loading them would make every command begin later."""

Words = Iterable[tuple[str, str]]
"""What may be written, and what a shell shows beside it."""


def of(*words: str) -> Callable[[str], list[str]]:
    """Completes one of these words."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def _asked(context: typer.Context, incomplete: str, ask: Callable[[Client], Words]) -> list[tuple[str, str]]:
    """What `ask` finds that begins so; nothing if the service does not answer."""
    try:
        with Client(context.params.get("url"), timeout=PATIENCE, attempts=1) as client:
            return [each for each in ask(client) if each[0].startswith(incomplete)]
    except (OckhamAPIError, OckhamConnectionError, OSError, ValueError):
        return []


def jobs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """A job: `latest`, or an id, beside which its name is shown."""
    return _asked(ctx, incomplete, _jobs)


def _jobs(client: Client) -> Iterator[tuple[str, str]]:
    yield LATEST, "the newest job"
    for job in client.jobs(limit=NEWEST):
        yield job.id, f"{job.name}, {job.status}"


def runs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """A run as `JOB/VARIANT/SEED`: first a job, and after a slash its runs."""
    job, slash, _ = incomplete.partition("/")
    if not slash:
        return [(f"{word}/", shown) for word, shown in jobs(ctx, incomplete)]
    return _asked(
        ctx,
        incomplete,
        lambda client: [(f"{job}/{run.variant}/{run.seed}", run.status) for run in client.job(job).runs],
    )


def jobs_and_runs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """A job, or after a slash one of its runs."""
    return runs(ctx, incomplete) if "/" in incomplete else jobs(ctx, incomplete)


def variants(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Names of the variants of the job that the command is about; after a comma another."""
    job = ctx.params.get("job")
    before = incomplete[: incomplete.rfind(",") + 1]

    def named(client: Client) -> Words:
        names = (
            dict.fromkeys(run.variant for run in client.job(job).runs if run.raw.get("trial") is None) if job else ()
        )
        return [(f"{before}{name}", "variant") for name in names]

    return _asked(ctx, incomplete, named)


def comparisons(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """A saved comparison: `latest`, or an id, beside which its name is shown."""
    return _asked(ctx, incomplete, _comparisons)


def _comparisons(client: Client) -> Iterator[tuple[str, str]]:
    yield LATEST, "the newest comparison"
    for each in islice(client.comparisons(), NEWEST):
        yield each.id, each.name


def datasets(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """A data set: the id of one's own, the name of a built-in one."""
    return _asked(
        ctx,
        incomplete,
        lambda client: [
            (each["name"], "built in") if each["builtin"] else (each["id"], each["name"])
            for each in islice(client.datasets(), NEWEST)
        ],
    )


def specifications(incomplete: str) -> list[tuple[str, str]]:
    """A preset, or a file of a specification, and the folders on the way to one."""
    from models.presets import JOBS  # with all kinds of data sets, which take a while to load

    folder = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        entries = []
    # As they were begun: `./x` stays `./x`.
    before = incomplete[: incomplete.rfind("/") + 1]
    files = [(f"{before}{each.name}/", "") for each in entries if each.is_dir() and not each.name.startswith(".")]
    files += [(f"{before}{each.name}", "") for each in entries if each.suffix.lower() in SUFFIXES]
    presets = [(name, "preset") for name in JOBS]
    return [each for each in (*presets, *files) if each[0].startswith(incomplete)]


def until(incomplete: str) -> list[str]:
    """What may be said of when there are enough seeds, as `smallest=`; after a comma another."""
    before = incomplete[: incomplete.rfind(",") + 1]
    given = {each.partition("=")[0] for each in before.split(",")}
    fields = [f"{name}=" for name in Until.model_fields if name not in given]
    words = [*fields, *(f"metric={name}" for name in COMPARED if incomplete.startswith(f"{before}metric="))]
    return [f"{before}{word}" for word in words if f"{before}{word}".startswith(incomplete)]


metrics = of(*METRICS)
statuses = of("queued", "running", "succeeded", "failed", "cancelling", "cancelled")
figures = of(*METRICS, *FIGURES)
