"""A specification means the same wherever it is read: by the API, a file, standard input, `python -m worker`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from api.body import parse_json
from models import documents as service
from models.errors import Malformed
from ockham_client import documents as client
from ockham_client.specifications import body_of, parse
from tests.ockham.serving import environment

ROOT = Path(__file__).parent.parent.parent

JSON: list[tuple[bytes, Any]] = [
    (b'{"a": [1, 1.5, 1e-3, true, null, "x"]}', {"a": [1, 1.5, 0.001, True, None, "x"]}),
    (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
    (b'{"a": [20.0, 2e1, 20.5]}', {"a": [20, 20, 20.5]}),
]

YAML: list[tuple[str, Any]] = [
    ("a: 1e-3", 0.001),
    ("a: -1.5E+1", -15),
    ("a: .5", 0.5),
    ("a: 20.0", 20),
    ("a: 010", 10),
    ("a: 0x10", 16),
    ("a: 0o10", 8),
    ("a: 1:30", "1:30"),
    ("a: 12:30:00", "12:30:00"),
    ("a: 1_000", "1_000"),
    ("a: no", "no"),
    ("a: on", "on"),
    ("a: True", True),
    ("a: ~", None),
    ("a:", None),
    ("a: 2026-01-01", "2026-01-01"),
    ("a: '1'", "1"),
    ("a: !!str 1", "1"),
    ("a: |\n  text\n", "text\n"),
    ("\ufeffa: 1", 1),
]

REFUSED: list[tuple[bytes, str]] = [
    (b'{"training": {"epochs": 3}, "training": {"epochs": 500}}', "doc, at /training: the key stands twice"),
    (b'{"a": {"b/c": 1, "b/c": 2}}', "doc, at /a/b~1c: the key stands twice"),
    (b'{"a": [1, NaN]}', "doc, at /a/1: NaN is not a JSON number"),
    (b'{"a": Infinity}', "doc, at /a: Infinity is not a JSON number"),
    (b'{"a": [1, -0.00e0, 1e-400]}', "doc, at /a/2: 1e-400 is nearer to 0 than a number can be here"),
    (b'{"a": 1e999}', "doc, at /a: 1e999 is more than a number can be here"),
    (b'{"a": 1' + b"0" * 400 + b"}", "doc, at /a: 10000000000000000000 is more than"),
    (b'{"a": 1' + b"0" * 900_000 + b"}", "doc(, at /a)?: 10000000000000000000 is more than"),
    (b'{"a": "\\ud800"}', r"doc, at /a: a lone surrogate \(U\+D800\) is not text"),
    (b'{"\\ud800": 1}', "doc, at /: a lone surrogate"),
    ("{}".encode("utf-16"), "doc is UTF-16; save it as UTF-8"),
    ("{}".encode("utf-32"), "doc is UTF-32; save it as UTF-8"),
    ('{\n"a": "ö"}'.encode("latin-1"), "doc is not UTF-8: byte 0xf6 in line 2"),
    (b"[" * 40 + b"]" * 40, "doc, at (/0)+: nested deeper than 32 levels"),
    (b"[" * 50_000, "doc is nested deeper than 32 levels"),
    (b"[" + b"0," * 2_500 + b"0]", "doc holds more than 1000 values"),
    (b'{"a": [[' + b"0," * 10_000 + b"0]]}", "doc, at /a/0: an array has more than 10000 members"),
]

REFUSED_YAML: list[tuple[str, str]] = [
    ("a: 1\nb: 2\na: 3", r"doc, at /a: the key stands twice in its mapping \(line 3, column 1\)"),
    ("a:\n- .nan", r"doc, at /a/0: .nan is not a JSON number \(line 2, column 3\)"),
    ("a: -.Inf", r"doc, at /a: -.Inf is not a JSON number \(line 1, column 4\)"),
    ("a: 1e999", "doc, at /a: 1e999 is more than a number can be here"),
    ("a: !!timestamp 2026-01-01", r"doc, at /a: the tag !!timestamp is not read"),
    ("a: !!python/object:os.system x", "doc, at /a: the tag !!python/object:os.system is not read"),
    ("? [1]\n: 2", r"a key is text, and this one is a list or a mapping \(line 1, column 3\)"),
    ("a: b: c", r"doc is neither JSON nor YAML: mapping values are not allowed here \(line 1, column 5\)"),
    ("a: \x01", "doc is neither JSON nor YAML: unacceptable character"),
    ("a: &a [*a]", "nested deeper than 32 levels|recursive"),
    ("a: 1\n---\na: 2", "doc is neither JSON nor YAML"),
]

both = pytest.mark.parametrize("reader", [service, client], ids=["service", "client"])


def test_the_two_readers_are_one() -> None:
    assert Path(service.__file__).read_bytes() == Path(client.__file__).read_bytes()


@both
@pytest.mark.parametrize(("data", "value"), JSON)
def test_json(reader: Any, data: bytes, value: Any) -> None:
    assert repr(reader.read_json(data, "doc")) == repr(reader.read_yaml(data, "doc")) == repr(value)
    assert repr(parse_json(data)) == repr(value)


@both
@pytest.mark.parametrize(("text", "value"), YAML)
def test_yaml_has_the_scalars_of_its_core_schema(reader: Any, text: str, value: Any) -> None:
    assert repr(reader.read_yaml(text.encode(), "doc")) == repr({"a": value})


@both
def test_keys_of_yaml_are_text(reader: Any) -> None:
    assert reader.read_yaml(b"on: 1\n0: 2\n1e-3: 3\n~: 4", "doc") == {"on": 1, "0": 2, "1e-3": 3, "~": 4}


@both
@pytest.mark.parametrize(("data", "words"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_what_is_refused_is_named_with_its_place(
    reader: Any, data: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (service, client):
        if "1000 values" in words:  # YAML takes seconds for as many as there may be
            monkeypatch.setattr(module, "MAX_VALUES", 1000)
    for read in (reader.read_json, reader.read_yaml):
        if read is reader.read_yaml and "[" * 1000 in data.decode("latin-1"):
            continue  # that deep, YAML's own words come first
        with pytest.raises(ValueError, match=words):
            read(data, "doc")
    with pytest.raises(Malformed, match=words.replace("doc", "The body")):
        parse_json(data)


@both
@pytest.mark.parametrize(("text", "words"), REFUSED_YAML)
def test_what_yaml_has_and_json_has_not_is_refused(reader: Any, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reader.read_yaml(text.encode(), "doc")


@both
def test_aliases_cannot_ask_for_more_than_there_is(reader: Any) -> None:
    lines = ["a: &a [" + "x," * 10 + "]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [" + f"*{chr(97 + i)}," * 10 + "]" for i in range(9)]
    began = time.monotonic()
    with pytest.raises(ValueError, match="doc holds more than 100000 values"):
        reader.read_yaml("\n".join(lines).encode(), "doc")
    assert time.monotonic() - began < 10
    assert reader.read_yaml(b"a: &a [1]\nb: *a", "doc") == {"a": [1], "b": [1]}


@pytest.mark.parametrize("name", ["spec.json", "spec.yaml"])
def test_files_of_windows_and_of_two_minds(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b'\xef\xbb\xbf{"variants": ["original"]}')
    assert body_of(path, {}) == {"variants": ["original"]}
    path.write_bytes('{"variants": ["original"]}'.encode("utf-16"))
    with pytest.raises(ValueError, match=f"{name} is UTF-16"):
        body_of(path, {})
    path.write_bytes(b'{"seeds": [1], "seeds": [2]}')
    with pytest.raises(ValueError, match=f"{name}, at /seeds: the key stands twice"):
        body_of(path, {})
    with pytest.raises(ValueError, match="holds no mapping"):
        parse(b"[]", name)


@pytest.mark.parametrize("command", [["worker", "FILE"], ["ockham", "submit", "FILE"], ["ockham", "submit", "-"]])
def test_commands_say_it_in_a_line(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text("variants: [original]\ntraining: {epochs: 3}\ntraining: {epochs: 500}\n")
    words = [str(file) if word == "FILE" else word for word in command]
    done = subprocess.run(
        [sys.executable, "-P", "-m", *words], input=file.read_bytes(), capture_output=True, cwd=ROOT,
        env=environment(OCKHAM_DATA_DIR=str(tmp_path), OCKHAM_URL="http://127.0.0.1:9"), check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"at /training: the key stands twice in its mapping (line 3, column 1)" in done.stderr


@pytest.mark.slow
def test_the_command_of_the_worker_reads_what_the_api_reads(tmp_path: Path) -> None:
    spec = {"dataset": {"name": "synthetic", "reviews": 200, "num_words": 100}, "variants": ["smaller"]}
    text = json.dumps(spec).removesuffix("}") + ', "training": {"epochs": 1, "optimizer": {"learning_rate": 1e-3}}}'
    (tmp_path / "spec.yaml").write_text("\ufeff" + text)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "worker", str(tmp_path / "spec.yaml")], capture_output=True, cwd=ROOT,
        env=environment(OCKHAM_DATA_DIR=str(tmp_path)), check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
