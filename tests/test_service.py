"""The main job on real servers: POST, train, history, PNG."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers import Service


def test_a_job_from_post_to_png(working: Service) -> None:
    service = working
    job = service.submit(
        name="acceptance",
        dataset={"name": "synthetic", "reviews": 400, "num_words": 200},
        training={"epochs": 3},
        variants=["original", "l2"],
        seeds=[0, 7],
    )
    assert job["status"] == "queued"
    assert [run["status"] for run in job["runs"]] == ["queued"] * 4
    done = service.finished(job["id"])
    assert done["status"] == "succeeded", done
    assert done["progress"] == {"percent": 100.0, "epochs_done": 12, "epochs_total": 12, "eta_seconds": 0.0}
    history = service.http.get(f"/v1/jobs/{job['id']}/history").json()
    assert [(run["variant"], run["seed"]) for run in history["runs"]] == [
        ("original", 0), ("l2", 0), ("original", 7), ("l2", 7),
    ]  # fmt: skip
    for run in history["runs"]:
        assert run["epochs"] == [1, 2, 3]
        assert run["nonfinite"] == []
        for metric in ("loss", "acc", "val_loss", "val_acc", "data_loss", "val_data_loss"):
            assert len(run["metrics"][metric]) == 3
            assert all(value > 0 for value in run["metrics"][metric])
        # Keras's loss has the penalty in it, the data's loss has not.
        penalised = [a > b for a, b in zip(run["metrics"]["val_loss"], run["metrics"]["val_data_loss"], strict=True)]
        assert all(penalised) if run["variant"] == "l2" else not any(penalised)
    assert history["runs"][0]["metrics"] != history["runs"][2]["metrics"]
    metrics = service.http.get(f"/v1/jobs/{job['id']}/metrics").json()
    assert [variant["n"] for variant in metrics["variants"]] == [2, 2]
    plot = service.http.get(f"/v1/jobs/{job['id']}/plots/val_loss.png", params={"style": "notebook"})
    assert plot.headers["content-type"] == "image/png"
    assert plot.content.startswith(b"\x89PNG")
    types = [event["type"] for event in service.events(job["id"])]
    assert types[:3] == ["job.queued", "job.started", "run.started"]
    assert types.count("run.epoch") == 12
    assert types.count("run.succeeded") == 4
    assert types[-1] == "job.succeeded"
    assert [event["id"] for event in service.events(job["id"])] == list(range(1, len(types) + 1))


@pytest.mark.slow  # ten epochs on all 25,000 reviews, on each kind of database
@pytest.mark.imdb
def test_the_notebooks_story_on_imdb(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.api()
    service.worker()
    job = service.submit(variants=["original", "bigger"], training={"epochs": 5}, reuse="never")
    assert service.finished(job["id"], patience=280)["status"] == "succeeded"
    original, bigger = service.http.get(f"/v1/jobs/{job['id']}/history").json()["runs"]
    least = min(original["metrics"]["val_loss"])
    assert 0.26 < least < 0.31
    best = original["metrics"]["val_loss"].index(least)
    assert bigger["metrics"]["val_loss"].index(min(bigger["metrics"]["val_loss"])) <= best
