"""Users' tables: what is read, what is found, and every bad row with its place."""

from __future__ import annotations

import gzip
import io
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.tabular.card import Card, Classes, Quantity
from models.tabular.faults import InvalidDataset
from models.tabular.options import read_options
from models.tabular.read import Sent, read
from models.tabular.source import named_format

LIMIT = 1 << 20


def card_of(train: bytes, test: bytes | None = None, name: str = "t", **options: Any) -> tuple[Card, list[Any]]:
    """The card, and the training rows as they are written."""
    parts: list[Any] = []

    def write(which: str, rows: int, data: bytes) -> None:
        table = pq.read_table(io.BytesIO(data))
        assert len(table) == rows
        if which == "train":
            parts.extend(table.to_pylist())

    given = read_options(json.dumps({"label": "y", **options}).encode(), name)
    sent = Sent(io.BytesIO(train), named_format(name, ""))
    return read(sent, None if test is None else Sent(io.BytesIO(test)), given, LIMIT, write), parts


def faults_of(train: bytes, test: bytes | None = None, **options: Any) -> list[tuple[Any, ...]]:
    with pytest.raises(InvalidDataset) as invalid:
        card_of(train, test, **options)
    return [(each["file"], each["line"], each["column"], each["code"]) for each in invalid.value.extra["errors"]]


CSV = 'a,b,y\n1,"x, \nz",yes\n2.5,w q,no\n'
ROWS = [{"y": "yes", "a": 1.0, "b": "x, \nz"}, {"y": "no", "a": 2.5, "b": "w q"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_same_table_in_any_form(encoding: str) -> None:
    plain = CSV.encode(encoding)
    for data in (plain, gzip.compress(plain)):
        card, rows = card_of(data)
        assert rows == ROWS
        assert [(each.column, each.kind) for each in card.inputs] == [("a", "number"), ("b", "text")]


def test_delimiters_line_ends_and_decimal_commas() -> None:
    assert card_of(CSV.replace(",y", ",y").replace(",w", ",w").replace("\n2", "\r\n2").encode())[1] == ROWS
    card, rows = card_of(b"a;y\r\n1,5;yes\r\n2,25;no\r\n")
    assert rows == [{"y": "yes", "a": 1.5}, {"y": "no", "a": 2.25}]
    assert "decimal_comma" in {each.code for each in card.warnings}
    assert card_of(b"a\ty\n1\tyes\n2\tno\n")[1] == [{"y": "yes", "a": 1.0}, {"y": "no", "a": 2.0}]


def test_json_lines_and_parquet() -> None:
    lines = b'{"a": 1, "b": true, "y": "yes"}\n{"a": 2.5, "y": "no"}\n{"a": null, "b": false, "y": "no"}\n'
    assert [row["a"] for row in card_of(lines)[1]] == [1.0, 2.5, None]
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, None], "y": ["yes", "no", "no"]}), file)
    assert [row["a"] for row in card_of(file.getvalue())[1]] == [1.0, 2.0, None]


def test_every_bad_row_at_once() -> None:
    train = b'a,y\n1,yes\n"q\nq",no\n1,2,3\n4,\n\xff,no\n"x"z,no\n'
    assert faults_of(train, b"a,y\n1,yes\n2,maybe\n", inputs={"a": "number"}) == [
        ("train", 3, "a", "not_a_number"),
        ("train", 5, None, "wrong_number_of_fields"),
        ("train", 6, "y", "no_label"),
        ("train", 7, "a", "not_utf8"),
        ("train", 8, None, "malformed_row"),
        ("test", 3, "y", "unknown_class"),
    ]


def test_the_first_hundred_are_told_and_all_are_counted() -> None:
    with pytest.raises(InvalidDataset) as invalid:
        card_of(b"a,y\n1,u\n2,v\n" + b"1\n" * 1000)
    assert invalid.value.extra["error_count"] == 1000
    assert [each["line"] for each in invalid.value.extra["errors"]] == list(range(4, 104))


def test_what_people_have() -> None:
    train = b",a,a,zip,y,\n0,1,2,01234,yes,\n1,3,4,04321,no,\n,,,,,\n2,5,6,01234,no,\n"
    card, rows = card_of(train)
    assert list(rows[0]) == ["y", "column_1", "a", "a_2", "zip", "column_6"]
    assert [row["zip"] for row in rows] == ["01234", "04321", "01234"]
    assert {"renamed_columns", "blank_rows", "empty_input", "rare_class"} <= {each.code for each in card.warnings}


def test_labels_that_cannot_be_learned() -> None:
    assert faults_of(b"a,y\n1,x\n2,x\n") == [("train", None, "y", "one_class")]
    many = "".join(f"{i},c{i}\n" for i in range(10_000))
    assert faults_of(f"a,y\n{many}".encode()) == [("train", None, "y", "too_many_classes")]
    assert faults_of(b"1,2\n3,4\n") == [("train", 1, "y", "no_label_column")]
    assert faults_of(b"a,y\n1,u\n2,v\n", label="") == [("options", None, "label", "string_too_short")]


def test_the_task_follows_from_the_label() -> None:
    def task(*labels: object) -> str:
        return card_of(("a,y\n" + "".join(f"{i % 7},{each}\n" for i, each in enumerate(labels))).encode())[0].task

    assert task(0, 1, 1, 0) == "binary"
    assert task("a", "b", "c") == "multiclass"
    assert task(*[1, 2, 3] * 4) == "multiclass"
    assert task(1.5, 2, 3) == "regression"
    card, _ = card_of(b"a,y\n1,u\n2,v\n", positive="u")
    assert isinstance(card.label, Classes)
    assert [each.label for each in card.label.classes] == ["v", "u"]


def test_warnings_count_rows() -> None:
    rows = "".join(f"{i},{'tu'[i % 2]},{i % 2},{i // 2},{'yn'[i % 2]}\n" for i in range(40))
    card, _ = card_of(f"id,c,d,e,y\n{rows}0,t,0,,y\n0,t,0,0,n\n".encode(), b"id,c,d,e,y\n1,w,0,0,y\n0,t,0,0,n\n")
    found = {each.code: each.rows for each in card.warnings}
    assert found["missing_values"] == 1
    assert (found["duplicate_rows"], found["conflicting_labels"]) == (1, 2)
    assert (found["unseen_category"], found["train_test_overlap"]) == (1, 1)
    disguised, _ = card_of(f"id,c,d,e,y\n{rows}".encode())
    told = {each.code: each.detail for each in disguised.warnings}
    assert "'id'" in told["identifier_input"]
    assert "'c', 'd'" in told["label_in_disguise"]


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=200), st.text('ay,;\t\n\r"01.é{}:[] \0', max_size=80).map(lambda t: t.encode())))
def test_any_file_is_a_card_or_told_what_is_wrong(data: bytes) -> None:
    for train in (data, b"a,y\n1,u\n2,v\n" + data, b'{"a": 1, "y": "u"}\n{"a": 2, "y": "v"}\n' + data):
        with suppress(InvalidDataset):  # any other error fails
            assert card_of(train)[0].rows.train > 0


DATA = Path(os.environ.get("OCKHAM_TEST_TABLES", "/"))


def many(cell: str, rows: int = 40, label: str = "y") -> str:
    return "t,y\n" + "".join(f"{cell} {i},{'ab'[i % 2]}\n" for i in range(rows))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("el niño está aquí", "cp1252"),
        ("não é très à ça", "cp1252"),
        ("größere Straße “so”", "cp1252"),
        ("każdy człowiek ma prawo do życia i wolności bez względu na język", "cp1250"),
        ("příliš žluťoučký kůň", "cp1250"),
        ("árvíztűrő tükörfúrógép", "cp1250"),
    ],
)
def test_letters_of_europe(text: str, encoding: str) -> None:
    card, rows = card_of(many(text).encode(encoding))
    assert rows[0]["t"] == f"{text} 0"
    assert "guessed_charset" in {each.code for each in card.warnings}


@pytest.mark.parametrize(
    "words",
    [
        ("männlich", "weiblich"), ("São Paulo", "Rio"), ("Øst", "Vest"), ("år", "dag"), ("é", "b"),
        ("größer", "kleiner"), ("España", "Francia"), ("naïve", "smart"), ("Ärzte", "Pflege"), ("fumé", "nature"),
        ("à côté", "loin"),
    ],
)  # fmt: skip
def test_few_words_in_the_charset_of_windows_are_read_as_such(words: tuple[str, str]) -> None:
    rows = "".join(f"{i * 0.37 % 5:.3f},{words[i % 2]}\n" for i in range(200))
    card, _ = card_of(f"x,y\n{rows}".encode("cp1252"))
    assert [each.label for each in card.label.classes] == sorted(words)  # type: ignore[union-attr]
    assert "guessed_charset" in {each.code for each in card.warnings}


@pytest.mark.parametrize(
    ("words", "charset"),
    [
        (("мужской", "женский"), "cp1251"),
        (("άνδρας", "γυναίκα"), "iso8859_7"),
        (("дерево", "камень"), "koi8_r"),
    ],
)
def test_few_words_of_another_script_are_not_taken_for_western_ones(words: tuple[str, str], charset: str) -> None:
    rows = "".join(f"{i * 0.37 % 5:.3f},{words[i % 2]}\n" for i in range(200))
    card, _ = card_of(f"x,y\n{rows}".encode(charset))
    (detail,) = [each.detail for each in card.warnings if each.code == "guessed_charset"]
    assert "cp1252" not in detail


def test_both_files_are_of_one_charset() -> None:
    train = "x,y\n" + "".join(f"{i}.5,{('männlich', 'weiblich', 'größer')[i % 3]}\n" for i in range(90))
    test = "x,y\n" + "".join(f"{i}.5,{('männlich', 'weiblich')[i % 2]}\n" for i in range(4))
    card, _ = card_of(train.encode("cp1252"), test.encode("cp1252"))
    assert [each.test for each in card.label.classes] == [0, 2, 2]  # type: ignore[union-attr]


def test_a_column_of_numbers_with_an_odd_cell_is_told_of() -> None:
    cells = [f"{i % 50}.5,{'ab'[i % 2]}" for i in range(200)]
    card, _ = card_of("\n".join(["x,y", *cells, "unknown,a"]).encode())
    (warning,) = [each for each in card.warnings if each.code == "mixed_input"]
    assert "'x'" in warning.detail
    assert "'unknown'" in warning.detail
    plain, _ = card_of("\n".join(["x,y", *cells]).encode())
    assert "mixed_input" not in {each.code for each in plain.warnings}


def test_numbers_that_are_too_large_to_compute_with() -> None:
    rows = [f"{i % 7}.5,{i + 1}.5" for i in range(40)]
    text = "\n".join(["x,y", *rows])
    assert faults_of(text.replace("\n3.5,4.5", "\n3.5,4e155").encode()) == [("train", 5, "y", "too_large")]
    lines = "\n".join(json.dumps({"x": i % 7 + 0.5, "y": i + 1.5}) for i in range(40))
    for beyond in ("1e20", "1e400", "-1e4000", "9" * 10_000, "inf", "-Infinity"):
        for place, column in ((f"\n{beyond},4.5", "x"), (f"\n3.5,{beyond}", "y")):
            assert faults_of(text.replace("\n3.5,4.5", place).encode()) == [("train", 5, column, "too_large")]
        if beyond != "inf":  # not JSON
            told = faults_of(lines.replace('"x": 3.5, "y": 4.5', f'"x": {beyond}, "y": 4.5').encode())
            assert told == [("train", 4, "x", "too_large")]
    assert faults_of(b"x,y\n1.5,1e400\n2.5,1e401\n") == [("train", line, "y", "too_large") for line in (2, 3)]
    far, _ = card_of(text.replace(".5\n", ".5e4\n").encode())
    assert "label_scale" in {each.code for each in far.warnings}
    assert "label_scale" not in {each.code for each in card_of(text.encode())[0].warnings}


def test_classes_are_never_merged_because_a_double_rounds_them() -> None:
    def classes(data: bytes) -> list[str]:
        label = card_of(data)[0].label
        assert isinstance(label, Classes)
        return [each.label for each in label.classes]

    for names in (["2", "12345678901234567890", "12345678901234567891"], ["9007199254740992", "9007199254740993"]):
        rows = [(i % 7 + 0.5, name) for i, name in enumerate(names * 4)]
        file = io.BytesIO()
        pq.write_table(
            pa.table({"x": [x for x, _ in rows], "y": pa.array([int(y) for _, y in rows], pa.uint64())}), file
        )
        for data in (
            "\n".join(["x,y", *(f"{x},{y}" for x, y in rows)]).encode(),
            "\n".join(f'{{"x": {x}, "y": {y}}}' for x, y in rows).encode(),
            file.getvalue(),
        ):
            assert classes(data) == names
    assert classes(b"x,y\n1.5,1.0\n2.5,+1\n3.5,9007199254740993\n") == ["1", "9007199254740993"]
    rounded = b"x,y\n1.5,1e16\n2.5,1\n3.5,2\n4.5,9007199254740993.0\n"
    told = [("train", 2, "y", "too_large"), ("train", 5, "y", "too_large")]
    assert faults_of(rounded, task="multiclass") == told
    assert card_of(rounded, task="regression")[0].task == "regression"
    assert card_of(b"x,y\n" + b"".join(b"%d.5,%d.5e16\n" % (i % 7, i + 1) for i in range(40)))[0].task == "regression"
    assert faults_of(b"x,y\n1.5,1\n2.5,2\n", b"x,y\n1.5,1e400\n") == [("test", 2, "y", "unknown_class")]


def test_a_key_that_stands_twice_in_a_line() -> None:
    lines = b'{"a": 1, "y": "u"}\n{"a": 1, "a": 2, "y": "v"}\n{"a": {"b": 1, "b": 2}, "y": "v"}\n{"a": 3, "y": "v"}\n'
    assert faults_of(lines) == [("train", 2, None, "key_twice"), ("train", 3, None, "key_twice")]


def test_reading_ends_with_the_row_that_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.tabular.read.MAX_ROWS", 20_000)
    bad = b"".join(b"%d.5,%s\n" % (i % 7, b"uv"[i % 2 : i % 2 + 1]) for i in range(40_000)) + b"1,2,3\n"
    assert faults_of(b"a,y\n" + bad) == [("train", None, None, "too_many_rows")]


def test_what_cannot_be_shown_or_split_or_learned_from() -> None:
    assert faults_of(b"x,y\n1.5,a\x1b[31m\n2.5,b\n") == [("train", None, "y", "invalid_class")]
    assert faults_of(b"x,g,y\n1.5,u,a\n2.5,u,b\n", group="g") == [("train", None, "g", "one_group")]
    with pytest.raises(InvalidDataset) as invalid:
        card_of(b"x,y\n" + b"".join(b"%d,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in range(30)))
    (fault,) = invalid.value.extra["errors"]
    assert fault["code"] == "no_inputs"
    assert "'x' looks like an identifier" in fault["detail"]
    assert '{"x": "number"}' in fault["detail"]


@pytest.mark.tables
def test_real_files() -> None:
    def card(file: str, label: str, test: str | None = None) -> Card:
        second = Sent(io.BytesIO((DATA / test).read_bytes())) if test else None
        options = read_options(json.dumps({"label": label}).encode(), file)
        return read(Sent(io.BytesIO((DATA / file).read_bytes())), second, options, 1 << 28, lambda *_: None)

    foods = card("fine_foods_train.csv", "score", "fine_foods_test.csv")
    found = {each.code: each.rows for each in foods.warnings}
    assert (foods.task, found["duplicate_rows"], found["train_test_overlap"]) == ("binary", 20, 7)
    ames = card("ames.csv", "Sale_Price")
    assert (ames.task, isinstance(ames.label, Quantity), len(ames.inputs)) == ("regression", True, 73)
    assert card("letters.csv", "lettr").task == "multiclass"
    assert card("boston_housing.csv", "medv").task == "regression"


@pytest.mark.parametrize("mark", [";", "|", ","])
def test_a_first_line_may_say_the_delimiter(mark: str) -> None:
    _, rows = card_of(f"sep={mark}\r\n".encode() + CSV.replace(",", mark).replace(f"x{mark} ", "x, ").encode())
    assert [row["a"] for row in rows] == [1.0, 2.5]
    assert faults_of(f"sep={mark}\na{mark}y\n1{mark}u\n2{mark}\n".encode()) == [("train", 4, "y", "no_label")]


def test_separated_thousands_are_numbers_and_signs_for_nothing_are_missing_ones() -> None:
    values = ['"1,234"', '"12,345,678.5"', "-", "None", "7", "--", '"-1,000"'] * 3
    card, rows = card_of(("a,y\n" + "".join(f"{value},{'uv'[i % 2]}\n" for i, value in enumerate(values))).encode())
    assert [(each.kind, each.missing) for each in card.inputs] == [("number", 9)]
    assert [row["a"] for row in rows[:7]] == [1234, 12345678.5, None, None, 7, None, -1000]
    # Of a category they are values, and so they are of a label.
    card, rows = card_of(b"a,y\n" + b"-,+\nNone,-\nred,+\nred,-\n" * 6, inputs={"a": "category"})
    assert [row["a"] for row in rows[:3]] == ["-", "None", "red"]
    assert isinstance(card.label, Classes)


def test_points_separate_thousands_where_commas_are_decimal() -> None:
    values = ["1.234,56", "-1.234.567,8", "999,5", "12.345", "7", "+0,25", ""] * 3
    lines = [f"{value};{i % 7}.{i % 5}00;{'uv'[i % 2]}" for i, value in enumerate(values)]
    card, rows = card_of("\n".join(["a;b;y", *lines]).encode())
    assert [(each.kind, each.missing) for each in card.inputs] == [("number", 3), ("number", 0)]
    assert [row["a"] for row in rows[:7]] == [1234.56, -1234567.8, 999.5, 12345, 7, 0.25, None]
    told = {each.code: each.detail for each in card.warnings}
    assert "'a'" in told["decimal_comma"]
    assert "'b'" in told["ambiguous_points"]
    # A label as well; between quotes in a file with commas, too; and in JSON lines.
    prices = ["1.234,56", "2.345,5", "3,25", "4.000"] * 3
    for data in (
        "\n".join(["x,y", *(f'{i % 5}.5,"{price}"' for i, price in enumerate(prices))]),
        "\n".join(json.dumps({"x": i % 5 + 0.5, "y": price}) for i, price in enumerate(prices)),
    ):
        card, rows = card_of(data.encode())
        assert card.task == "regression"
        assert [row["y"] for row in rows[:4]] == [1234.56, 2345.5, 3.25, 4000]
    # Both at once are no numbers of one kind.
    both = "\n".join(["x;y", *(f"{value};{'uv'[i % 2]}" for i, value in enumerate(["1.5", "1,5"] * 9))])
    assert [each.kind for each in card_of(both.encode())[0].inputs] == ["category"]
    assert "decimal_comma" not in {each.code for each in card_of(b"x;y\n1.234;u\n2.5;v\n3.5;u\n")[0].warnings}


def test_long_whole_numbers_and_groups_in_both_files_are_told() -> None:
    long = "g,a,y\n" + "".join(f"g{i % 5},{2**53 + 3 * i},{'uv'[i % 2]}\n" for i in range(30))
    card, _ = card_of(long.encode(), b"g,a,y\ng3,1,u\nh,2,v\n,3,v\n", group="g")
    told = {each.code: each.rows for each in card.warnings}
    assert told["inexact_numbers"] is None
    assert told["group_in_both_files"] == 1
    card, _ = card_of(b"a,y\n" + b"".join(b"%d,%s\n" % (7 * i * i, b"uv"[i % 2 : i % 2 + 1]) for i in range(30)))
    assert "inexact_numbers" not in {each.code for each in card.warnings}


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9,
        b"\xff\xd8\xff\xe0" + bytes(999),
        b'[{"a": 1, "y": "u"}, {"a": 2, "y": "v"}]',
        b'[\n {"a": 1, "y": "u"},\n {"a": 2, "y": "v"}\n]\n',
        b'{\n "a": [1, 2],\n "y": ["u", "v"]\n}\n',
    ],
)
def test_what_is_no_table_is_one_clear_fault(data: bytes) -> None:
    assert faults_of(data) == [("train", None, None, "unsupported_format")]


@pytest.mark.parametrize("options", [b"[]", b"null", b"3"])
def test_options_that_are_no_object_are_told_so(options: bytes) -> None:
    with pytest.raises(InvalidDataset) as refused:
        read_options(options, "table")
    assert [each["detail"] for each in refused.value.extra["errors"]] == ["Input should be an object"]
