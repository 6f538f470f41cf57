"""`ockham mcp`: a Model Context Protocol server over the client, for agents; it speaks on standard input and output."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from ockham_client import AsyncClient, JobTimeout, OckhamAPIError, OckhamConnectionError

P = ParamSpec("P")
T = TypeVar("T")

INSTRUCTIONS = """Ockham trains variants of a Keras network with several seeds and says which remedy against overfitting
helps. A job is submitted, waited for, and then analysed: `analysis` has the answer as a headline and a
paragraph, the comparisons with the baseline, and warnings that belong to it. Tell the warnings with the answer."""

WAIT_SECONDS = 50.0
"""So long one call of `wait` waits at most: clients end calls that take longer than a minute."""


def serve(url: str | None) -> None:
    """Answers on standard input and output until these are closed."""

    async def answer() -> None:
        async with AsyncClient(url) as client:
            await server(client).run_stdio_async()

    asyncio.run(answer())


def server(client: AsyncClient) -> MCPServer:
    """The tools, by way of `client`."""
    mcp = MCPServer("ockham", instructions=INSTRUCTIONS)

    def tool(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """Makes it a tool; what the service or the client refuses is told to the agent in their words."""

        @functools.wraps(function)
        async def told(*args: P.args, **given: P.kwargs) -> T:
            try:
                return await function(*args, **given)
            except (OckhamAPIError, OckhamConnectionError, OSError, ValueError) as error:
                raise ToolError(str(error)) from error

        mcp.add_tool(told)
        return told

    @tool
    async def presets() -> dict[str, Any]:
        """The ready-made jobs and variants, resolved: what `submit` takes by name."""
        return await client.presets()

    @tool
    async def validate(specification: dict[str, Any]) -> dict[str, Any]:
        """What a job would train: the resolved specification, parameters, number of runs, warnings. Nothing is stored.

        The smallest specification is {"preset": "notebook"}; another: {"dataset": {"name": "synthetic"},
        "variants": ["original", "dropout"], "seeds": [0, 1, 2, 3, 4]}. {"until": {"smallest": 0.005}} in place of
        seeds adds seeds until each comparison is decided.
        """
        return await client.validate(specification)

    @tool
    async def submit(specification: dict[str, Any]) -> dict[str, Any]:
        """Submits a job, as `validate` describes it; the job, without its runs. `wait` for it next."""
        return _brief((await client.submit(specification)).raw)

    @tool
    async def jobs(
        status: str | None = None, name: str | None = None, tags: Sequence[str] = (), limit: int = 20
    ) -> list[dict[str, Any]]:
        """Jobs, newest first, without their runs."""
        return [_brief(job.raw) async for job in client.jobs(status, name, limit, tags)]

    @tool
    async def job(job_id: str) -> dict[str, Any]:
        """A job: its specification, its progress, its runs."""
        return dict((await client.job(job_id)).raw)

    @tool
    async def wait(job_id: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """The job once it has finished, or as it is after so many seconds, 50 at most; then wait again."""
        try:
            found = await client.wait(job_id, timeout=min(seconds, WAIT_SECONDS))
        except JobTimeout:
            found = await client.job(job_id)
        return _brief(found.raw)

    @tool
    async def cancel(job_id: str, variants: Sequence[str] = ()) -> dict[str, Any]:
        """Cancels a job, or the runs of these variants alone; what is recorded stays."""
        return _brief((await client.cancel(job_id, variants)).raw)

    @tool
    async def cancel_run(run_id: str) -> dict[str, Any]:
        """Cancels one run; the others of its job go on."""
        return dict((await client.cancel_run(run_id)).raw)

    @tool
    async def compare(
        job_ids: Sequence[str], name: str = "untitled", baseline: str | None = None, notes: str | None = None
    ) -> dict[str, Any]:
        """Saves a comparison across jobs under a name, and analyses it: each variant of each job against one baseline.

        `baseline` is a variant's name, or a job's id for its own; the first job's unless named.
        """
        saved = await client.compare(*job_ids, name=name, baseline=baseline, notes=notes)
        return {"comparison": dict(saved.raw), "analysis": dict(await client.analysis(saved))}

    @tool
    async def comparisons() -> list[dict[str, Any]]:
        """The saved comparisons, newest first; `analysis` and `plot` take their ids like a job's."""
        return [dict(each.raw) async for each in client.comparisons()]

    @tool
    async def analysis(job_id: str, smallest: float | None = None) -> dict[str, Any]:
        """The answer: which variant overfits and when, what differs from the baseline, and if it is more than luck.

        `smallest` is the smallest difference that matters, in each metric's own unit.
        """
        return dict(await client.analysis(job_id, smallest=smallest))

    @tool
    async def metrics(job_ids: Sequence[str]) -> dict[str, Any]:
        """The best and the final epoch of each run and variant, of one job or of several side by side."""
        return dict(await client.metrics(list(job_ids)))

    @tool
    async def plot(job_id: str, metric: str = "val_data_loss") -> Image:
        """A figure: a metric over the epochs with a curve per variant, or `differences`, `sweep` and others by name."""
        return Image(data=await client.plot(job_id, metric), format="png")

    @tool
    async def datasets() -> list[dict[str, Any]]:
        """The data sets there are, built-in and one's own, each with its card."""
        return [each async for each in client.datasets()]

    @tool
    async def add_dataset(train: str, label: str, test: str | None = None, name: str | None = None) -> dict[str, Any]:
        """Sends a table of this machine (CSV, TSV, JSON lines, Parquet): its card, with warnings about its columns."""
        options: dict[str, Any] = {} if name is None else {"name": name}
        return await client.add_dataset(Path(train), label, test=Path(test) if test else None, **options)

    return mcp


def _brief(job: Any) -> dict[str, Any]:
    """A job without what is as long as it has runs."""
    return {name: value for name, value in job.items() if name not in ("runs", "spec")}
