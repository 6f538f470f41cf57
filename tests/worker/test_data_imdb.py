"""The IMDB reviews: Keras's encoding exactly, whole or not at all, and no file can do harm."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import os
import pickle
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import DatasetInvalid, DatasetUnavailable
from models.kinds.dataset import Holdout
from models.kinds.datasets.imdb import Imdb
from worker.data import Rows, convert, imdb, load
from worker.data import published as from_keras

Arrays = dict[str, Any]


def ragged(lists: list[Any]) -> np.ndarray:
    array = np.empty(len(lists), object)
    array[:] = lists
    return array


def arrays(seed: int = 0, train: int = 60, test: int = 40) -> Arrays:
    random = np.random.default_rng(seed)

    def reviews(count: int) -> np.ndarray:
        return ragged([(random.zipf(1.3, random.integers(0, 90)) % 88_000 + 1).tolist() for _ in range(count)])

    return {
        "x_train": reviews(train),
        "y_train": random.integers(0, 2, train),
        "x_test": reviews(test),
        "y_test": random.integers(0, 2, test),
    }


def save(path: Path, content: Arrays) -> Path:
    np.savez_compressed(path, **content)  # pickles the lists as Keras's file has them
    return path


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    return save(tmp_path / "imdb.npz", arrays())


def words(reviews: Rows) -> list[list[int]]:
    return [reviews.indices[a:b].tolist() for a, b in zip(reviews.indptr[:-1], reviews.indptr[1:], strict=True)]


@contextlib.contextmanager
def keras_reading(npz: Path) -> Iterator[Any]:
    """Keras's own `load_data` on another file than the one whose hash it knows."""
    from keras.src.datasets import imdb as theirs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theirs, "get_file", lambda **_: str(npz))
        yield theirs.load_data


def check_against_keras(npz: Path, num_words: int, data_dir: Path) -> None:
    data = load(Imdb(num_words=num_words), data_dir, npz)
    with keras_reading(npz) as load_data:
        for ours, (reviews, labels) in zip((data.train, data.test), load_data(num_words=num_words), strict=True):
            assert words(ours) == [sorted(set(review)) for review in reviews]
            assert ours.labels.tolist() == labels.tolist()
            assert [a.dtype.name for a in (ours.indptr, ours.indices, ours.labels)] == ["int64", "int32", "float32"]


@pytest.mark.parametrize("num_words", [10, 500, 100_000])
def test_encodes_as_keras(npz: Path, num_words: int, tmp_path: Path) -> None:
    check_against_keras(npz, num_words, tmp_path)


@pytest.mark.imdb
@pytest.mark.slow
def test_encodes_the_real_reviews_as_keras(tmp_path: Path) -> None:
    check_against_keras(Path(os.environ["OCKHAM_IMDB_NPZ"]), 10_000, tmp_path)


@pytest.mark.imdb
def test_the_real_reviews(tmp_path: Path) -> None:
    data = load(Imdb(), tmp_path, Path(os.environ["OCKHAM_IMDB_NPZ"]))
    assert len(data.train) == len(data.test) == 25_000
    assert len(data.train.indices) / 25_000 == pytest.approx(131.7, abs=0.05)
    assert data.train.labels.mean() == data.test.labels.mean() == 0.5


def test_holds_out_the_first_and_trains_on_the_next(npz: Path, tmp_path: Path) -> None:
    whole = load(Imdb(), tmp_path, npz)
    part = load(Imdb(validation=Holdout(holdout=20), train_samples=15), tmp_path, npz)
    assert words(part.validation) == words(whole.train)[:20]
    assert words(part.train) == words(whole.train)[20:35]
    assert part.train.labels.tolist() == whole.train.labels[20:35].tolist()
    assert words(part.test) == words(whole.test)
    assert whole.validation is whole.test
    assert part.sha256 == whole.sha256


@pytest.mark.parametrize("asked", [{"validation": Holdout(holdout=60)}, {"train_samples": 61}])
def test_too_few_reviews(npz: Path, tmp_path: Path, asked: Any) -> None:
    with pytest.raises(DatasetInvalid, match="60 training reviews"):
        load(Imdb(**asked), tmp_path, npz)


def test_prepared_once_and_mapped(npz: Path, tmp_path: Path) -> None:
    first = load(Imdb(), tmp_path, npz)
    made = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file())
    again = load(Imdb(), tmp_path, npz)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*") if path.is_file()) == made
    assert again.sha256 == first.sha256
    with pytest.raises(ValueError, match="read-only"):
        again.train.indices[0] = 7


def test_a_changed_file_is_read_anew(npz: Path, tmp_path: Path) -> None:
    before, stat = load(Imdb(), tmp_path, npz), npz.stat()
    save(npz, arrays(seed=1))
    os.truncate(npz, max(npz.stat().st_size, stat.st_size))  # zeros behind an archive are no part of it
    os.utime(npz, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = load(Imdb(), tmp_path, npz)
    assert after.sha256 != before.sha256
    assert words(after.train) != words(before.train)


def test_the_hash_is_that_of_the_content(npz: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.npz"
    np.savez(plain, **arrays())
    assert load(Imdb(), tmp_path / "a", npz).sha256 == load(Imdb(), tmp_path / "b", plain).sha256
    assert load(Imdb(num_words=50), tmp_path / "a", npz).sha256 != load(Imdb(), tmp_path / "a", npz).sha256


def test_processes_at_once(npz: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from models.kinds.datasets.imdb import Imdb;"
        "from worker.data import load;"
        "print(load(Imdb(), Path(sys.argv[1]), Path(sys.argv[2])).sha256)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data"), str(npz)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=60)[0].strip() for process in started}
    assert said == {load(Imdb(), tmp_path / "other", npz).sha256}
    assert not list(tmp_path.rglob("*.partial"))


def test_what_a_killed_process_left_is_cleared_away(npz: Path, tmp_path: Path) -> None:
    name = f"imdb-{hashlib.sha256(npz.read_bytes()).hexdigest()[:16]}-{imdb.FILE.version}"
    for left in (name, f"{name}-10000"):
        (tmp_path / "datasets" / f"{left}.partial").mkdir(parents=True)
        (tmp_path / "datasets" / f"{left}.partial" / "train_indices.npy").write_bytes(b"half")
    assert len(load(Imdb(), tmp_path, npz).train) == 60
    assert not list(tmp_path.rglob("*.partial"))


# Files that are not what they should be


@pytest.mark.once
@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
def test_what_has_no_end_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "imdb.npz"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(2**40)
    with pytest.raises(DatasetInvalid, match="no regular file" if kind != "huge" else "larger than 256 MB"):
        load(Imdb(), tmp_path / "data", path)


def refused(npz: Path, data_dir: Path) -> str:
    with pytest.raises(DatasetInvalid) as refusal:
        load(Imdb(), data_dir, npz)
    assert str(npz.parent) not in str(refusal.value)
    assert not [path for path in (data_dir / "datasets").iterdir() if path.suffix not in (".lock", ".json")]
    return str(refusal.value)


def members(**content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            archive.writestr(f"{name}.npy", value)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_pickle(stream: bytes, count: int = 60) -> bytes:
    """An `imdb.npz` whose training reviews are this pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (count,)})
    rest = {name: npy(array) for name, array in arrays().items() if name != "x_train"}
    return members(x_train=header.getvalue() + stream, **rest)


@pytest.mark.once
@pytest.mark.parametrize("kept", [0, 1, 30, 300, 0.3, 0.6, 0.9, 0.99, -1])
def test_truncated(npz: Path, tmp_path: Path, kept: float) -> None:
    content = npz.read_bytes()
    npz.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    refused(npz, tmp_path)


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x_train": None}, "x_train"),
        ({"y_test": np.zeros(7, int)}, "a label of 0 or 1"),
        ({"y_test": np.full(40, 2)}, "a label of 0 or 1"),
        ({"y_test": np.zeros((40, 1))}, "a label of 0 or 1"),
        ({"y_test": ragged([0] * 40)}, "ValueError"),
        ({"x_test": ragged([]), "y_test": np.zeros(0, int)}, "a label of 0 or 1"),
        ({"x_test": np.ones((40, 9), int)}, "one array of lists"),
        ({"x_test": ragged([b"abc"] * 40)}, "a list of word ranks"),
        ({"x_test": ragged([{"a": 1}] * 40)}, "a list of word ranks"),
        ({"x_test": ragged([[1, 2.5]] * 40)}, "TypeError"),
        ({"x_test": ragged([["1"]] * 40)}, "TypeError"),
        ({"x_test": ragged([[[1]]] * 40)}, "TypeError"),
        ({"x_test": ragged([[0]] * 40)}, "count from 1"),
        ({"x_test": ragged([[-3]] * 40)}, "count from 1"),
        ({"x_test": ragged([[2**31 - 1]] * 40)}, "count from 1"),
        ({"x_test": ragged([[2**40]] * 40)}, "OverflowError"),
    ],
)
def test_wrong_shapes(tmp_path: Path, change: Arrays, reason: str) -> None:
    content = {name: array for name, array in (arrays() | change).items() if array is not None}
    assert reason in refused(save(tmp_path / "imdb.npz", content), tmp_path)


class Runs:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.once
@pytest.mark.parametrize("place", ["array", "review", "word", "labels"])
def test_a_malicious_pickle_runs_nothing(npz: Path, tmp_path: Path, place: str) -> None:
    marker = tmp_path / "ran"
    bad = Runs(os.mkdir, str(marker))
    content = arrays()
    match place:
        case "array":
            npz.write_bytes(with_pickle(pickle.dumps(bad)))
        case "review":
            content["x_train"][3] = bad
            save(npz, content)
        case "word":
            content["x_train"][3] = [1, bad]
            save(npz, content)
        case "labels":
            save(npz, content | {"y_train": ragged([bad] * 60)})
    refused(npz, tmp_path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(bad))
    assert marker.exists()  # it would have


def test_names_are_not_reached_through_others(npz: Path, tmp_path: Path) -> None:
    # Protocol 4 looks up dotted names: numpy's own `dtype.__class__...` must be no way around the list.
    npz.write_bytes(with_pickle(b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93)R."))
    assert "has no place in it" in refused(npz, tmp_path)


def test_a_pickle_that_asks_for_memory(npz: Path, tmp_path: Path) -> None:
    npz.write_bytes(with_pickle(b"\x80\x04Nr\xff\xff\xff\x7f."))  # remember None as number 2**31 - 1
    assert "memory" in refused(npz, tmp_path)


def test_one_long_review_many_times(tmp_path: Path) -> None:
    long = [1] * 2_000_000
    content = arrays() | {"x_train": ragged([long] * 60)}  # the pickle has it once
    assert "more than 100000000 words" in refused(save(tmp_path / "imdb.npz", content), tmp_path)


def test_a_bomb(npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "MEMBER_BYTES", 100_000)
    bomb = members(x_train=bytes(100_001), y_train=b"", x_test=b"", y_test=b"")
    assert len(bomb) < 1000
    with pytest.raises(DatasetInvalid, match="larger than"):
        convert.read(io.BytesIO(bomb), ("x_train", "y_train", "x_test", "y_test"))
    monkeypatch.setattr(convert, "FILE_BYTES", 1000)
    with pytest.raises(DatasetInvalid, match="larger than"):
        convert.convert("imdb", npz, "", tmp_path)


def test_a_file_that_changes_meanwhile(npz: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetInvalid, match="changed"):
        convert.convert("imdb", npz, hashlib.sha256(b"before").hexdigest(), tmp_path)


# Keras's cache and download


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    return tmp_path / "home"


@pytest.fixture
def published(npz: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server on the loopback that has the file, in place of Keras's; gives the requests it got."""
    requests: list[str] = []
    content = npz.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.command)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url, sha256 = f"http://127.0.0.1:{server.server_port}/imdb.npz", hashlib.sha256(content).hexdigest()
        monkeypatch.setattr(imdb, "FILE", replace(imdb.FILE, url=url, sha256=sha256))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield requests
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_keras_cache(npz: Path, home: Path, published: list[str], tmp_path: Path) -> None:
    cached = home / ".keras" / "datasets" / "imdb.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(npz.read_bytes())
    assert load(Imdb(), tmp_path / "a", None).sha256 == load(Imdb(), tmp_path / "b", npz).sha256
    cached.unlink()
    assert len(load(Imdb(num_words=77), tmp_path / "a", None).train) == 60  # the arrays are there
    assert not published


@pytest.mark.slow
def test_keras_download(npz: Path, home: Path, published: list[str], tmp_path: Path) -> None:
    cached = home / ".keras" / "datasets" / "imdb.npz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(npz.read_bytes()[:-9])  # an earlier download broke off
    assert load(Imdb(), tmp_path / "a", None).sha256 == load(Imdb(), tmp_path / "b", npz).sha256
    assert cached.read_bytes() == npz.read_bytes()
    assert published == ["HEAD", "GET"]


def unavailable(data_dir: Path, npz: Path | None = None) -> str:
    with pytest.raises(DatasetUnavailable) as answer:
        load(Imdb(), data_dir, npz)
    assert "OCKHAM_IMDB_NPZ" in str(answer.value)
    assert str(data_dir) not in str(answer.value)
    assert answer.value.as_json()["retryable"]
    return str(answer.value)


@pytest.mark.slow
@pytest.mark.once
def test_something_else_comes_down(
    home: Path, published: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imdb, "FILE", replace(imdb.FILE, sha256=hashlib.sha256(b"the true one").hexdigest()))
    assert "not Keras's file" in unavailable(tmp_path)
    assert published == ["HEAD", "GET"]


def test_nobody_answers(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(from_keras, "REACHABLE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/imdb.npz"
        monkeypatch.setattr(imdb, "FILE", replace(imdb.FILE, url=address))
        assert "cannot be reached" in unavailable(tmp_path)
    monkeypatch.setattr(imdb, "FILE", replace(imdb.FILE, url="http://name.invalid/imdb.npz"))
    assert "'synthetic'" in unavailable(tmp_path)


def test_a_named_file_that_is_not_there(home: Path, published: list[str], tmp_path: Path) -> None:
    unavailable(tmp_path, tmp_path / "nowhere.npz")
    unavailable(tmp_path, tmp_path)  # a directory
    assert not published  # what was named is what is meant
