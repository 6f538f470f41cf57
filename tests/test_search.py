"""Jobs that search within a budget and train the best anew, on real servers and workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers import Service, wait_for

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {
    "dataset": {"name": "synthetic", "reviews": 200, "num_words": 100, "validation": {"holdout": 50}},
    "training": {"epochs": 2, "batch_size": 32},
    "reuse": "never",
}
SEARCH: dict[str, Any] = {
    "space": {"units": {"low": 2, "high": 64, "log": True}, "activation": ["relu", "tanh"]},
    "budget": {"runs": 5},
    "final": {"top": 1, "seeds": 2},
}


def analysis(service: Service, job: dict[str, Any]) -> Any:
    return service.http.get(job["links"]["analysis"]).raise_for_status().json()


def tried(service: Service, job: dict[str, Any]) -> list[tuple[int, Any, float]]:
    return [(each["trial"], each["values"], each["value"]) for each in analysis(service, job)["search"]["trials"]]


def test_trials_are_searched_and_the_best_are_trained_anew(working: Service) -> None:
    service = working
    body = {**SMALL, "search": SEARCH}
    preview = service.http.post("/v1/jobs?validate_only=true", json=body).json()
    assert (preview["runs"], preview["max_runs"]) == (2, 2 + 5 + 2)
    assert preview["spec"]["search"] == {**SEARCH, "sampler": "tpe", "pruner": "none", "metric": "val_data_loss",
                                         "seed": 0}  # fmt: skip
    job = service.submit(**body)
    assert (job["spec"]["seeds"], job["spec"]["baseline"], job["search"]["coming"]) == ([1, 2], "original", 7)
    done = service.finished(job["id"])
    assert done["status"] == "succeeded", done["error"]
    assert (done["progress"]["percent"], done["search"]["trials"], done["search"]["coming"]) == (100.0, 5, 0)
    trials = [run for run in done["runs"] if run["trial"] is not None]
    assert [run["trial"] for run in trials] == list(range(5))
    assert {run["seed"] for run in trials} == {0}
    found = analysis(service, done)
    search = found["search"]
    assert [each["run_id"] for each in search["trials"]] == [run["id"] for run in trials]
    best = sorted(search["trials"], key=lambda each: each["value"])[:1]
    assert [each["variant"] for each in search["finalists"]] == [each["variant"] for each in best]
    assert done["search"]["finalists"] == [each["variant"] for each in best]
    assert done["search"]["best"] == [{"trial": best[0]["trial"], "variant": best[0]["variant"],
                                       "value": best[0]["value"]}]  # fmt: skip
    seeds = {name: [run["seed"] for run in done["runs"] if run["variant"] == name and run["trial"] is None]
             for name in ("original", *done["search"]["finalists"])}  # fmt: skip
    assert set(map(tuple, seeds.values())) == {(1, 2)}
    for finalist in search["finalists"]:
        assert finalist["selection"] == pytest.approx(finalist["fresh"] - finalist["value"])

    # Trials enter no mean and no comparison, and the test set judges.
    assert {each["variant"]: each["n"] for each in found["variants"]} == dict.fromkeys(seeds, 2)
    assert {each["metric"] for each in found["comparisons"]} >= {"test_data_loss", "test_acc", "best_val_data_loss"}
    assert {each["code"] for each in found["warnings"]} >= {"selected"}
    assert "seeds_added" not in {each["code"] for each in found["warnings"]}
    assert "the test cross-entropy" in found["paragraph"]
    assert "training rows and test rows are those of this job" in found["paragraph"]
    scores = service.http.get(done["links"]["metrics"]).json()
    assert {each["variant"]: each["n"] for each in scores["variants"]} == dict.fromkeys(seeds, 2)
    mean = {each["variant"]: each["test_data_loss"]["mean"] for each in scores["variants"]}
    for each in found["comparisons"]:
        if each["metric"] == "test_data_loss":
            assert each["difference"] == pytest.approx(mean[each["variant"]] - mean["original"])
    history = service.http.get(done["links"]["history"]).json()
    assert len(history["runs"]) == 4
    alone = service.http.get("/v1/history", params={"run": trials[0]["id"]}).json()
    assert [run["run_id"] for run in alone["runs"]] == [trials[0]["id"]]
    told = [event["data"] for event in service.events(job["id"]) if event["type"] == "job.searched"]
    assert told[-1] == done["search"]
    for path in (
        "report.html",
        "bundle.zip",
        "plots/search.svg",
        "plots/val_data_loss.png",
        "plots/differences.png?metric=test_data_loss",
    ):
        assert service.http.get(f"/v1/jobs/{job['id']}/{path}").status_code == 200, path

    # The same specification, as it is stored, searches the same; further seeds are for those that are compared.
    again = service.submit(**done["spec"])
    assert again["spec"]["variants"] == [done["spec"]["variants"][0]]
    more = service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"seeds": [0]})
    assert [error["code"] for error in more.json()["errors"]] == ["not_fresh"]
    more = service.http.post(f"/v1/jobs/{job['id']}/seeds", json={"seeds": [7]})
    assert more.status_code == 202, more.text
    assert len([run for run in more.json()["runs"] if run["seed"] == 7]) == 2
    assert tried(service, service.finished(again["id"])) == tried(service, done)
    assert service.finished(job["id"])["status"] == "succeeded"


@pytest.mark.slow
def test_a_pruned_trial_is_taken_up_again_with_the_numbers_it_would_have_had(working: Service) -> None:
    search = {**SEARCH, "space": {"learning_rate": {"low": 1e-6, "high": 1e-2, "log": True}}, "budget": {"runs": 8},
              "pruner": "hyperband"}  # fmt: skip
    training = {"epochs": 4, "batch_size": 32}
    done = working.finished(working.submit(**{**SMALL, "training": training}, search=search)["id"])
    assert (done["status"], done["progress"]["percent"]) == ("succeeded", 100.0)
    pruned = [run for run in done["runs"] if run["error"] and run["error"]["code"] == "pruned"]
    assert len(pruned) == done["search"]["pruned"] > 0
    told = {each["run_id"]: each for each in analysis(working, done)["search"]["trials"]}
    assert {each["run_id"]: each["pruned"] for each in told.values() if each["pruned"]} == {
        run["id"]: run["epoch"] for run in pruned
    }
    run = pruned[0]
    short = working.http.get("/v1/history", params={"run": run["id"]}).json()["runs"][0]
    assert (short["status"], len(short["epochs"])) == ("cancelled", run["epoch"])
    (checkpoint,) = (working.directory / "checkpoints").glob(f"{run['id']}.*")
    again = working.http.post(f"/v1/runs/{run['id']}/resume")
    assert (again.status_code, again.json()["status"], again.json()["error"]) == (202, "queued", None)
    assert working.http.post(f"/v1/runs/{run['id']}/resume").status_code == 409
    assert working.finished(done["id"])["status"] == "succeeded"
    whole = working.http.get("/v1/history", params={"run": run["id"]}).json()["runs"][0]
    wait_for("the checkpoint is removed", lambda: not checkpoint.exists())
    variant = next(each for each in done["spec"]["variants"] if each["name"] == run["variant"])
    other = {**SMALL, "training": training, "dataset": done["spec"]["dataset"], "seeds": [run["seed"]],
             "variants": [{name: variant[name] for name in ("name", "layers", "training")}]}  # fmt: skip
    alone = working.finished(working.submit(**other)["id"])
    uninterrupted = working.http.get(alone["links"]["history"]).json()["runs"][0]
    assert whole["metrics"] == uninterrupted["metrics"]
    assert {name: values[: run["epoch"]] for name, values in whole["metrics"].items()} == short["metrics"]


def test_trials_that_diverge_are_a_result(working: Service) -> None:
    rates = {"space": {"learning_rate": [1e-3, 1e20, 1e25]}, "budget": {"runs": 3}, "final": {"top": 1, "seeds": 1}}
    job = working.submit(**SMALL, search=rates)
    done = working.finished(job["id"])
    assert (done["status"], done["error"], done["search"]["failed"]) == ("succeeded", None, 2)
    assert done["search"]["finalists"] == ["learning_rate=0.001"]
    assert working.http.post(f"/v1/jobs/{job['id']}/retry").status_code == 409
    rates["space"] = {"learning_rate": [1e20, 1e25]}
    rates["budget"] = {"runs": 2}
    done = working.finished(working.submit(**SMALL, search=rates)["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", "search_failed")
    assert analysis(working, done)["search"]["finalists"] == []
