"""Tables of one's own, on real servers and workers: sent, read again, trained on, deleted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pandas
import pytest

from ockham_client import AsyncClient, Client, OckhamAPIError
from tests.servers import Service, free_port, wait_for

WORDS = ["good", "fine", "great", "bad", "poor", "awful", "it", "was", "very", "the"]


def table(rows: int, seed: int) -> str:
    """A CSV whose label follows from its text, its number and its category, but for some noise."""
    draw = random.Random(seed)
    lines = ["text,price,colour,stars,verdict"]
    for _ in range(rows):
        words = [draw.choice(WORDS) for _ in range(8)]
        price, colour = draw.gauss(10, 3), draw.choice(["red", "green", "blue"])
        score = 1.0 * sum(w in WORDS[:3] for w in words) - sum(w in WORDS[3:6] for w in words) + (colour == "red")
        score += (price - 10) / 3 + draw.gauss(0, 1)
        shown = "" if draw.random() < 0.1 else f"{price:.2f}"
        stars = min(5, max(1, round(3 + score / 2)))
        lines.append(f"{' '.join(words)},{shown},{colour},{stars},{'yes' if score > 0 else 'no'}")
    return "\n".join(lines) + "\n"


ANSWER = r"(?=.*\b[Dd]ropout\b).*best validation cross-entropy.*0\.\d+.*95% interval [+−]?0\.\d+ to [+−]?0\.\d+"
"""How much better or worse dropout is, and the interval, in the answer's words."""


def foods(rows: int, seed: int = 0) -> str:
    """Reviews of food: few of their words tell the score, and one score in ten is not what they say."""
    draw = random.Random(seed)
    told = {"great": ["delicious", "love", "best", "favorite"], "other": ["stale", "bland", "disappointed", "return"]}
    lines = ["product,review,score"]
    for _ in range(rows):
        score = "great" if draw.random() < 0.65 else "other"
        words = [f"word{int(draw.paretovariate(0.6)) % 3000}" for _ in range(30)] + draw.choices(told[score], k=2)
        draw.shuffle(words)
        given = score if draw.random() < 0.9 else "other" if score == "great" else "great"
        lines.append(f'B{draw.randrange(10**9):09},"{" ".join(words)}, it was",{given}')
    return "\n".join(lines) + "\n"


def send(http: httpx.Client, train: str, test: str | None = None, query: str = "", **options: Any) -> httpx.Response:
    files = {"train": ("train.csv", train.encode(), "text/csv")}
    if test is not None:
        files["test"] = ("test.csv", test.encode(), "text/csv")
    return http.post(f"/v1/datasets{query}", files=files, data={"options": json.dumps(options)}, timeout=120)


def test_a_table_is_sent_and_read_again(working: Service) -> None:
    http = working.http
    only = send(http, table(300, 1), query="?validate_only=true", label="verdict")
    assert (only.status_code, only.json()["id"]) == (200, None)
    preview = only.json()["preview"]
    made = send(http, table(300, 1), table(100, 2), label="verdict", name="verdicts")
    assert made.status_code == 201, made.text
    dataset = made.json()
    assert made.headers["Location"] == dataset["links"]["self"]
    assert (dataset["name"], dataset["task"], dataset["rows"]) == ("verdicts", "binary", {"train": 300, "test": 100})
    assert {each["column"]: each["kind"] for each in dataset["inputs"]} == {
        "text": "text", "price": "number", "colour": "category", "stars": "number",
    }  # fmt: skip
    assert [each["label"] for each in dataset["label"]["classes"]] == ["no", "yes"]
    again = send(http, table(300, 1), table(100, 2), name="verdicts", label="verdict", group=None)
    assert (again.status_code, again.json()) == (200, dataset)
    assert http.get(dataset["links"]["self"]).json() == dataset
    assert dataset["preview"] is None
    assert preview == http.get(f"{dataset['links']['rows']}?limit=5").json()["data"]

    listed = http.get("/v1/datasets").json()
    assert [each["name"] for each in listed["data"] if not each["builtin"]] == ["verdicts"]
    assert {"imdb", "synthetic"} <= {each["name"] for each in listed["data"] if each["builtin"]}
    assert http.get("/v1/datasets?name=imdb").json()["data"][0] == http.get("/v1/datasets/imdb").json()
    assert http.get("/v1/datasets?task=regression&name=verdicts").json()["data"] == []

    page = http.get(f"{dataset['links']['rows']}?limit=2&after=298").json()
    lines = table(300, 1).splitlines()[-2:]
    assert [row["row"] for row in page["data"]] == [299, 300]
    assert [row["values"]["text"] for row in page["data"]] == [line.split(",")[0] for line in lines]
    assert page["has_more"] is False
    assert http.get(f"{dataset['links']['rows']}?split=test&limit=1").json()["has_more"]

    assert http.delete(dataset["links"]["self"]).status_code == 204
    assert http.get(dataset["links"]["self"]).status_code == 404
    back = send(http, table(300, 1), table(100, 2), label="verdict", name="verdicts")
    assert back.status_code == 201
    assert back.json()["id"] != dataset["id"]


def test_every_bad_row_is_told_at_once(working: Service) -> None:
    broken = table(20, 1) + "too,few\n" + "x,abc,red,3,\n"
    answer = send(working.http, broken, label="verdict", inputs={"price": "number"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_dataset")
    found = {(each["file"], each["line"], each["column"]) for each in problem["errors"]}
    assert found == {("train", 22, None), ("train", 23, "price"), ("train", 23, "verdict")}
    assert problem["error_count"] == 3
    for files, options in (({}, "{}"), ({"train": ("a.csv", b"")}, "{"), ({"train": ("a.csv", b"a,b\n1,2\n")}, "{}")):
        answer = working.http.post("/v1/datasets", files=files, data={"options": options})
        assert answer.status_code in (400, 422), answer.text
    for charset in ("utf-7", "undefined", "punycode", "latin-1"):
        body = (
            b'--B\r\nContent-Disposition: form-data; name="train"; filename="+2AA-.csv"\r\n\r\nx,y\n1.5,a\n2.5,b\n\r\n'
            b'--B\r\nContent-Disposition: form-data; name="options"\r\n\r\n{"label":"y"}\r\n--B--\r\n'
        )
        kind = f"multipart/form-data; boundary=B; charset={charset}"
        answer = working.http.post("/v1/datasets?validate_only=true", content=body, headers={"Content-Type": kind})
        assert answer.status_code in (200, 400, 422), answer.text
    files = {"train": ("größe.csv", b"x,y\n1.5,a\n2.5,b\n")}
    named = working.http.post("/v1/datasets?validate_only=true", files=files, data={"options": b'{"label": "y"}'})
    assert named.json()["name"] == "größe"
    wrong = b'{"label": "\xe9"}'
    for parts, fields in ((files, {"options": wrong}), ({**files, "options": ("o.json", wrong)}, None)):
        problem = working.http.post("/v1/datasets", files=parts, data=fields).json()
        assert [(each["file"], each["code"]) for each in problem["errors"]] == [("options", "not_json")]
        assert "not UTF-8: byte 0xe9 in line 1" in problem["errors"][0]["detail"]
    with socket.create_connection((working.http.base_url.host, working.http.base_url.port), timeout=30) as raw:
        raw.sendall(
            b"POST /v1/datasets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n"
            b"Content-Type: multipart/form-data; boundary=B\r\n\r\n--B"
        )
        assert b" 413 " in raw.recv(100)
    assert [each for each in working.http.get("/v1/datasets").json()["data"] if not each["builtin"]] == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("label", "task", "measure"),
    [("verdict", "binary", "acc"), ("stars", "multiclass", "acc"), ("price", "regression", "mae")],
)
def test_a_job_trains_on_it(working: Service, label: str, task: str, measure: str) -> None:
    http = working.http
    train = "\n".join(line for line in table(900, 1).splitlines() if label != "price" or ",," not in line)
    test = "\n".join(line for line in table(300, 2).splitlines() if label != "price" or ",," not in line)
    inputs = {"stars": "ignore"} if label == "verdict" else {"verdict": "ignore"} if label == "stars" else {}
    made = send(http, train, test, label=label, task=task, inputs=inputs)
    assert made.status_code == 201, made.text
    small = [{"name": "small", "layers": [{"type": "dense", "units": 8, "activation": "relu"}]}]
    job = working.submit(
        dataset={"id": made.json()["id"], "num_words": 50},
        training={"epochs": 30, "batch_size": 32, "optimizer": {"name": "adam", "learning_rate": 0.01}},
        variants=small,
    )
    assert job["spec"]["dataset"]["content"]["task"] == task
    assert http.delete(made.json()["links"]["self"]).json()["code"] == "in_use"
    done = working.finished(job["id"])
    assert done["status"] == "succeeded", done
    runs = http.get(f"/v1/jobs/{job['id']}/history").json()["runs"]
    losses = runs[0]["metrics"]["val_loss"]
    chance = {"binary": 0.693, "multiclass": 1.4, "regression": 9.0}[task]
    assert min(losses) < 0.9 * chance
    assert len(runs[0]["metrics"][f"val_{measure}"]) == 30
    rows = http.get(f"/v1/runs/{job['runs'][0]['id']}/predictions").json()["data"]
    given = http.get(f"{made.json()['links']['rows']}?split=test&limit=100").json()["data"]
    assert [(row["row"], row["label"]) for row in rows[:100]] == [(row["row"], row["values"][label]) for row in given]
    assert sum(row["loss"] for row in rows) / len(rows) == pytest.approx(losses[-1], rel=1e-3)
    for path in ("metrics", "analysis", "plots/val_loss.png", "report.html", "bundle.zip"):
        assert http.get(f"/v1/jobs/{job['id']}/{path}").status_code == 200, path
    # The same again, by its name and as it was resolved: nothing is trained twice.
    for dataset in ({"name": made.json()["name"], "num_words": 50}, job["spec"]["dataset"]):
        again = working.submit(**{**job["spec"], "dataset": dataset})
        assert [run["reused_from"] for run in working.finished(again["id"])["runs"]] == [job["runs"][0]["id"]]
    assert http.delete(made.json()["links"]["self"]).status_code == 204
    assert http.get(f"/v1/jobs/{job['id']}/history").json()["runs"] == runs
    more = http.post(f"/v1/jobs/{job['id']}/seeds", json={"seeds": [7]})
    assert (more.status_code, "has been deleted" in more.json()["detail"]) == (409, True)
    content = job["spec"]["dataset"]["content"]
    for dataset in (job["spec"]["dataset"], {"name": "table", "id": None, "content": content}, {"id": "a\0b"}):
        gone = http.post("/v1/jobs", json={**job["spec"], "dataset": dataset})
        assert gone.status_code == 422
        assert [(each["pointer"], each["code"]) for each in gone.json()["errors"]] == [
            ("/dataset/id", "unknown_dataset")
        ]


def test_rows_are_held_out_by_chance_where_there_are_no_test_rows(working: Service) -> None:
    http = working.http
    made = send(http, table(500, 1), label="verdict").json()
    job = working.submit(dataset={"id": made["id"]}, training={"epochs": 2}, variants=["smaller"])
    assert job["spec"]["dataset"]["validation"] == {"holdout": 100}
    done = working.finished(job["id"])
    assert (done["status"], done["runs"][0]["test"]) == ("succeeded", None)
    at = f"/v1/runs/{done['runs'][0]['id']}/predictions"
    rows = {row["row"]: row["label"] for row in http.get(at).json()["data"]}
    given = http.get(f"{made['links']['rows']}?limit=500").json()["data"]
    assert len(rows) == 100
    assert rows == {row["row"]: row["values"]["verdict"] for row in given if row["row"] in rows}
    assert http.get(f"{at}?split=test").json()["code"] == "predictions_not_kept"
    for validation, expected in (
        ("test", 422),
        ({"holdout": 0.5}, 202),
        ({"holdout": 500}, 422),
        ({"holdout": -0.2}, 422),
    ):
        dataset = {"id": made["id"], "validation": validation}
        assert http.post("/v1/jobs", json={"variants": ["original"], "dataset": dataset}).status_code == expected


@pytest.mark.slow
def test_five_lines_of_curl_lead_from_a_file_to_the_answer(working: Service, tmp_path: Path) -> None:
    text = (
        (Path(__file__).parent.parent / "docs" / "own-data.md").read_text().partition("## From a file to the answer")[2]
    )
    lines = text.partition("```sh\n")[2].partition("```")[0]
    assert len(lines.splitlines()) == 5
    (tmp_path / "fine_foods_train.csv").write_text(foods(800))
    lines = lines.replace("http://127.0.0.1:8000", str(working.http.base_url).rstrip("/"))
    done = subprocess.run(
        ["bash", "-eu", "-c", lines],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    answer = done.stdout.splitlines()[-1]
    assert re.search(ANSWER, answer), answer


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ["keras", "tensorflow"])
def test_an_api_without_keras_says_that_it_cannot_make_a_model_of_raw_rows(
    working: Service, tmp_path: Path, lacking: str
) -> None:
    made = send(working.http, table(60, 1), label="verdict").json()
    job = working.submit(dataset={"id": made["id"], "num_words": 20}, training={"epochs": 1}, variants=["smaller"])
    run_id = working.finished(job["id"])["runs"][0]["id"]
    package = tmp_path / "lacking" / lacking
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise ModuleNotFoundError(\"No module named '{lacking}'\")\n")
    port = free_port()
    working.command("api", "--port", str(port), name="without", env={"PYTHONPATH": str(package.parent)})
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:

        def answers() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return http.get("/healthz").status_code == 200
            return False

        wait_for("the other API", answers)
        problem = http.get(f"/v1/runs/{run_id}/model.keras?inputs=raw")
        assert (problem.status_code, problem.json()["code"]) == (409, "conflict"), problem.text
        assert "has no Keras" in problem.json()["detail"]
        row = {"text": "good", "price": 1, "colour": "red", "stars": 5}
        assert http.post(f"/v1/runs/{run_id}/predict", json={"rows": [row]}).status_code == 200
    whole = working.http.get(f"/v1/runs/{run_id}/model.keras?inputs=raw", timeout=120)
    assert whole.status_code == 200


@pytest.mark.slow
def test_the_client_and_the_command_line_send_tables(working: Service, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(table(200, 1))
    frame = pandas.read_csv(tmp_path / "t.csv")
    with Client(str(working.http.base_url)) as client:
        only = client.add_dataset(frame, "verdict", test=frame.head(20), validate_only=True)
        assert (only["id"], only["rows"]) == (None, {"train": 200, "test": 20})
        made = client.add_dataset(tmp_path / "t.csv", label="verdict", name="mine")
        assert client.dataset(made["id"]) == made
        assert client.rows(made["id"], limit=1, after=1)[0]["text"] == frame["text"][1]
        assert next(each["name"] for each in client.datasets()) == "mine"
        with pytest.raises(OckhamAPIError, match="no column 'nothing'"):
            client.add_dataset(frame, "nothing")

    async def asynchronously() -> list[str]:
        async with AsyncClient(str(working.http.base_url)) as client:
            again = await client.add_dataset(tmp_path / "t.csv", label="verdict", name="mine")
            assert again == made
            await client.delete_dataset(made["id"])
            return [each["name"] async for each in client.datasets()]

    assert "mine" not in asyncio.run(asynchronously())

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "ockham", "datasets", *words, "--url", str(working.http.base_url)]
        return subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)

    added = command("add", "t.csv", "--label", "verdict", "--kind", "stars=ignore", "--name", "told")
    assert added.returncode == 0, added.stderr
    assert "200 rows to train on" in added.stdout
    dataset_id = added.stdout.split()[0]
    assert dataset_id in command("list").stdout
    shown = json.loads(command("show", dataset_id, "--json").stdout)
    assert next(each["kind"] for each in shown["inputs"] if each["column"] == "stars") == "ignore"
    assert command("remove", dataset_id).returncode == 0
    assert "no data set" in command("show", dataset_id).stderr
    bad = command("add", "t.csv", "--label", "nothing")
    assert (bad.returncode, "no column" in bad.stderr) == (2, True)
