"""`ockham mcp`, spoken to by the protocol's own client: an agent's way from a specification to the answer."""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.ockham.serving import environment

pytestmark = pytest.mark.slow

SPECIFICATION = {
    "name": "an agent's",
    "dataset": {"name": "synthetic", "num_words": 200, "reviews": 200},
    "training": {"epochs": 3, "batch_size": 64},
    "variants": ["original", "dropout"],
    "seeds": [0, 1],
}


def test_an_agent_goes_from_a_specification_to_the_answer(live: str, tmp_path: Path) -> None:
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\n" + "".join(f"word{i} {'good' if i % 2 else 'bad'},{i % 2}\n" for i in range(40)))
    asyncio.run(_talk(live, table))


async def _talk(url: str, table: Path) -> None:
    command = ["-P", "-m", "ockham", "mcp"]
    process = StdioServerParameters(command=sys.executable, args=command, env=environment(OCKHAM_URL=url))
    async with Client(stdio_client(process)) as agent:

        async def call(tool: str, **arguments: Any) -> Any:
            answer = await agent.call_tool(tool, arguments)
            assert not answer.is_error, answer
            return answer

        async def said(tool: str, **arguments: Any) -> Any:
            return next(json.loads(part.text) for part in (await call(tool, **arguments)).content)

        named = {tool.name: tool for tool in (await agent.list_tools()).tools}
        assert {"submit", "validate", "wait", "analysis", "metrics", "plot", "datasets"} <= named.keys()
        assert all(tool.description for tool in named.values())
        assert (await said("validate", specification=SPECIFICATION))["runs"] == 4
        refused = await agent.call_tool("submit", {"specification": {"variants": ["orignal"]}})
        assert refused.is_error
        assert "/variants/0" in refused.content[0].text  # type: ignore[union-attr]
        job = await said("submit", specification=SPECIFICATION)
        assert "runs" not in job
        done = await said("wait", job_id=job["id"])
        while done["status"] in ("queued", "running"):
            done = await said("wait", job_id=job["id"])
        assert done["status"] == "succeeded"
        answer = await said("analysis", job_id=job["id"])
        assert answer["comparisons"]
        assert {warning["code"] for warning in answer["warnings"]} == {
            each["code"] for each in answer["warnings"] if each["detail"]
        }
        assert len((await said("metrics", job_ids=[job["id"]]))["runs"]) == 4
        assert (await said("job", job_id=job["id"]))["spec"]["variants"][1]["name"] == "dropout"
        (picture,) = (await call("plot", job_id=job["id"])).content
        assert b64decode(picture.data).startswith(b"\x89PNG")
        card = await said("add_dataset", train=str(table), label="label", name="an agent's table")
        assert (card["task"], card["rows"]["train"]) == ("binary", 40)
        assert "an agent's table" in [json.loads(part.text)["name"] for part in (await call("datasets")).content]
