"""Models of kept epochs over HTTP: which there are, what they take, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from models import claims
from models.database import Database
from tests.api.conftest import Trainer, submit
from tests.api.test_contract import is_problem


def test_a_kept_epochs_model_is_read_as_soon_as_it_is_there(
    http: httpx.Client, database: Database, trainer: Trainer
) -> None:
    submit(http, variants=["original"], keep="every", training={"epochs": 5})
    held = trainer.claim()
    at = f"/v1/runs/{held.run_id}"
    last = held.specification.training.epochs
    is_problem(http.get(f"{at}/model.keras"), 404, "not_found")
    problem = is_problem(http.get(f"{at}/model.keras?epoch=1"), 404, "epoch_not_kept")
    assert problem["kept_epochs"] == []
    for epoch in (1, 2):
        with database.write() as session:
            claims.keep(session, held, epoch, str(epoch), b"model %d" % epoch, 0)
        trainer.record(held, epoch)
    assert http.get(f"{at}/model.keras?epoch=1").content == b"model 1"
    for epoch in range(3, last + 1):
        trainer.record(held, epoch)
    trainer.succeed(held, b"the chosen one")
    assert http.get(at).json()["kept_epochs"] == [1, 2, last]
    for query, content in (("", b"the chosen one"), (f"?epoch={last}", b"the chosen one"), ("?epoch=2", b"model 2")):
        answer = http.get(f"{at}/model.keras{query}")
        assert (answer.status_code, answer.content) == (200, content)
        assert (
            http.get(f"{at}/model.keras{query}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
        )
    part = http.get(f"{at}/model.keras?epoch=2", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"del")
    for query in ("?epoch=3", "?epoch=3&inputs=raw"):
        problem = is_problem(http.get(f"{at}/model.keras{query}"), 404, "epoch_not_kept")
        assert problem["kept_epochs"] == [1, 2, last]
        assert f"kept are those of 1, 2, {last}" in problem["detail"]
    for wrong in (0, 1001, "last"):
        is_problem(http.get(f"{at}/model.keras?epoch={wrong}"), 422, "invalid_parameters")


@pytest.mark.parametrize(("keep", "models"), [("chosen", 1), ("last", 2), ("every", 21), ([3, 10, 3], 3)])
def test_what_they_take_is_said_before_and_bounded(serve: Callable[..., httpx.Client], keep: Any, models: int) -> None:
    body = {"variants": ["original"], "keep": keep, "seeds": [0, 1]}
    one = 4 * 160_305 + 24 * 1024
    room = serve(max_kept_bytes=2 * models * one)
    preview = room.post("/v1/jobs?validate_only=true", json=body).json()
    assert preview["variants"][0]["models_bytes"] == models * one
    assert preview["spec"].get("keep") == {"chosen": None}.get(str(keep), [3, 10] if models == 3 else keep)
    assert room.post("/v1/jobs", json=body).status_code == 202
    answer = serve(max_kept_bytes=2 * models * one - 1).post("/v1/jobs", json=body)
    if keep == "chosen":
        assert answer.status_code == 202, "what every job has is not refused"
    else:
        problem = is_problem(answer, 422, "invalid_specification")
        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/keep", "too_much_kept")]


@pytest.mark.parametrize(
    ("keep", "pointer"), [([3, 21], "/keep/1"), ([0], "/keep/0"), ([], "/keep"), ("best", "/keep"), ([1.5], "/keep/0")]
)
def test_what_cannot_be_kept(http: httpx.Client, keep: Any, pointer: str) -> None:
    problem = is_problem(
        http.post("/v1/jobs", json={"variants": ["original"], "keep": keep}), 422, "invalid_specification"
    )
    assert {each["pointer"] for each in problem["errors"]} == {pointer}
