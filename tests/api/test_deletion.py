"""A deleted job is gone with the answer to the request, whenever its rows are removed."""

from __future__ import annotations

import httpx

from models.database import Database
from tests.api.conftest import Trainer, submit
from tests.api.test_contract import is_problem


def test_what_is_deleted_is_gone_at_once(http: httpx.Client, database: Database) -> None:
    trainer = Trainer(database)
    original = submit(http, variants=["original"])
    trainer.train(1)
    asked = http.post(f"/v1/runs/{original['runs'][0]['id']}/reproduce").json()
    trainer.train(1)
    run, job = f"/v1/runs/{asked['run_id']}", f"/v1/jobs/{asked['job_id']}"
    assert http.get(f"{run}/model.keras").status_code == 200
    hook = http.post("/v1/webhooks", json={"url": "https://1.1.1.1/", "job_id": asked["job_id"]}).json()
    assert http.delete(job).status_code == 204
    for path in (
        job, f"{job}/events", f"{job}/history", f"{job}/metrics", f"{job}/analysis", f"{job}/plots/val_loss.png",
        f"{job}/report.html", f"{job}/bundle.zip", run, f"{run}/model.keras", f"/v1/webhooks/{hook['id']}",
        f"/v1/history?job={asked['job_id']}", f"/v1/metrics?run={asked['run_id']}",
    ):  # fmt: skip
        is_problem(http.get(path), 404, "not_found")
    for verb in ("cancel", "retry"):
        is_problem(http.post(f"{job}/{verb}"), 404, "not_found")
    is_problem(http.post(f"{run}/reproduce"), 404, "not_found")
    is_problem(http.delete(job), 404, "not_found")
    assert [each["id"] for each in http.get("/v1/jobs").json()["data"]] == [original["id"]]
    (told,) = http.get(f"/v1/runs/{original['runs'][0]['id']}").json()["reproductions"]
    assert (told["status"], told["verdict"]) == (None, "bitwise")
