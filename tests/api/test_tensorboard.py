"""Event files for TensorBoard: where they lie, and what is in them. TensorBoard itself reads them in tests/interop."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from tests.api.conftest import Trainer, submit


def events(data: bytes) -> Iterator[Event]:
    """The records of an event file, each checksum checked."""
    file = io.BytesIO(data)
    while length := file.read(8):
        assert struct.unpack("<I", file.read(4)) == (masked_crc32c(length),)
        record = file.read(struct.unpack("<Q", length)[0])
        assert struct.unpack("<I", file.read(4)) == (masked_crc32c(record),)
        yield Event.FromString(record)


def archive(answer: httpx.Response) -> dict[str, list[Event]]:
    """The event files of an answer by their folders."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        return {name.rpartition("/")[0]: list(events(packed.read(name))) for name in packed.namelist()}


def test_a_run_is_a_folder_with_every_epoch(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, seeds=[0, 7])
    trainer.train(3)
    trainer.record(trainer.claim(), 1, val_loss=math.inf, val_acc=math.nan)
    url = f"/v1/jobs/{job['id']}/history"
    answer = http.get(url, params={"format": "tensorboard"})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job["id"]}.zip"'
    files = archive(answer)
    runs = ("original/seed-0", "l2/seed-0", "original/seed-7", "l2/seed-7")
    assert list(files) == [f"{run}/{part}" for run in runs for part in ("train", "validation")]
    first, *epochs = files["original/seed-0/train"]
    assert first.file_version == "brain.Event:2"
    assert [event.step for event in epochs] == [1, 2, 3]
    assert first.wall_time == epochs[0].wall_time
    told = [
        datetime.fromisoformat(event["created_at"]).timestamp()
        for event in http.get(f"/v1/jobs/{job['id']}/events").json()["data"]
        if event["type"] == "run.epoch" and event["run_id"] == job["runs"][0]["id"]
    ]
    assert [event.wall_time for event in epochs] == pytest.approx(told, abs=1)
    shown = http.get(url).json()["runs"][0]["metrics"]
    for tag, metric in ("epoch_loss", "loss"), ("epoch_acc", "acc"), ("epoch_data_loss", "data_loss"):
        values = [value.simple_value for event in epochs for value in event.summary.value if value.tag == tag]
        assert values == pytest.approx(shown[metric], rel=1e-7)
    (_, only) = files["l2/seed-7/validation"]
    numbers = {value.tag: value.simple_value for value in only.summary.value}
    assert numbers.keys() == {"epoch_loss", "epoch_acc", "epoch_data_loss"}
    assert numbers["epoch_loss"] == math.inf
    assert math.isnan(numbers["epoch_acc"])
    # The same by Accept, the same bytes for the same data, and nothing where nothing has changed.
    again = http.get(url, headers={"Accept": "application/zip"})
    assert again.content == answer.content
    known = {"Accept": "application/zip", "If-None-Match": again.headers["ETag"]}
    assert http.get(url, headers=known).status_code == 304


def test_names_become_folders_and_stay_apart(http: httpx.Client, trainer: Trainer) -> None:
    names = ["../up", "a/b", "a_b", "A:B", "L2", "l2", "..", "φ", "x" * 99 + "1", "x" * 99 + "2"]
    job = submit(http, variants=[{"name": name, "preset": "smaller"} for name in names], training={"epochs": 1})
    trainer.train(len(names))
    files = archive(http.get(f"/v1/jobs/{job['id']}/history?format=tensorboard"))
    folders = [name.split("/") for name in files]
    assert {len(parts) for parts in folders} == {3}
    found = list(dict.fromkeys(parts[0] for parts in folders))
    x = "x" * 50
    assert found == ["_up", "a_b", "a_b-2", "A_B-3", "L2", "l2-2", "_", "φ", x, f"{x}-2"]


def test_across_jobs_each_has_a_folder_and_runs_without_epochs_have_none(http: httpx.Client, trainer: Trainer) -> None:
    one, other = submit(http, variants=["original"]), submit(http)
    trainer.train(2)
    query = {"job": [one["id"], other["id"]], "format": "tensorboard"}
    answer = http.get("/v1/history", params=query)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="histories.zip"'
    assert list(archive(answer)) == [
        f"{job['id']}/original/seed-0/{part}" for job in (one, other) for part in ("train", "validation")
    ]
    assert archive(http.get(f"/v1/jobs/{submit(http)['id']}/history?format=tensorboard")) == {}


def test_the_training_set_in_inference_mode_is_a_folder_of_its_own(http: httpx.Client, trainer: Trainer) -> None:
    job = submit(http, variants=["original"], training={"epochs": 1, "evaluate_train": True})
    trainer.record(trainer.claim(), 1, eval_loss=1e300, eval_acc=0.5, eval_data_loss=0.25)
    files = archive(http.get(f"/v1/jobs/{job['id']}/history?format=tensorboard"))
    assert [name.rpartition("/")[2] for name in files] == ["train", "validation", "train-inference"]
    (_, only) = files["original/seed-0/train-inference"]
    numbers = {value.tag: value.simple_value for value in only.summary.value}
    # Past the range of 32 bits is infinite there.
    assert numbers == {"epoch_loss": math.inf, "epoch_acc": 0.5, "epoch_data_loss": 0.25}
