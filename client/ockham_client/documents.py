"""Reads a specification's text, JSON or YAML, with every fault named by its place.

The file is in two packages, since the client imports nothing of the service: a test holds the copies equal.

JSON is read strictly: UTF-8 with or without a byte-order mark, no key twice, no NaN, no number that a double cannot
hold. YAML is read as JSON would be, by the core schema of YAML 1.2: `1e-3` is a number, `010` is 10, while `on`,
`no`, `1:30`, `1_000` and `2026-01-01` are text, and keys are always text.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 32
MAX_VALUES = 100_000
"""Members of objects and arrays, all in all: the largest specification has about half as many."""
MAX_MEMBERS = 10_000
"""Of one object or array."""
EXACT = 2**53 - 1
"""Up to here a double holds every integer, and so does every JSON reader."""

_LONG = re.compile("[0-9]{4000}")
"""Digits of which Python would make no integer, and say so in words of its own."""
_MOST = int(sys.float_info.max)
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class _Fault:
    """Stands in the document where there is a fault."""

    def __init__(self, words: str) -> None:
        self.words = words


def read_json(data: bytes, name: str) -> Any:
    """The value of a JSON text. Raises ValueError, which begins with `name`."""
    return _checked(_parse_json(_decode(data, name), name), name)


def read_yaml(data: bytes, name: str) -> Any:
    """The value of a YAML or a JSON text. Raises ValueError, which begins with `name`."""
    text = _decode(data, name)
    try:
        value = _parse_json(text, name)
    except ValueError:
        value = _parse_yaml(text, name)
    return _checked(value, name)


def _decode(data: bytes, name: str) -> str:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            raise ValueError(f"{name} is {encoding}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}") from None


def _checked(value: Any, name: str) -> Any:
    """`value` itself. Raises ValueError for the first fault in it, with its JSON pointer."""
    level, values = [value], 0
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                inner += node.values()
            elif kind is list and len(node) <= MAX_MEMBERS:
                inner += node
            elif kind is list or kind is _Fault or (kind is int and not -_MOST <= node <= _MOST):
                raise ValueError(f"{name}, at {_first_fault(value)}")
        values += len(inner)
        if values > MAX_VALUES:
            raise ValueError(f"{name} holds more than {MAX_VALUES} values")
        if not inner:
            break
        level = inner
    else:
        raise ValueError(f"{name}, at {_first_fault(value)}")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}, at {_first_fault(value)}") from None
    return value


def _first_fault(value: Any) -> str:
    """The place of the first fault, by levels, and what it is."""
    level: list[tuple[str, Any]] = [("", value)]
    for _ in range(MAX_DEPTH + 1):
        for pointer, node in level:
            if isinstance(node, _Fault):
                return f"{pointer or '/'}: {node.words}"
            if isinstance(node, list) and len(node) > MAX_MEMBERS:
                return f"{pointer or '/'}: an array has more than {MAX_MEMBERS} members"
            if isinstance(node, int) and not -_MOST <= node <= _MOST:
                return f"{pointer or '/'}: {str(node)[:20]} is more than a number can be here"
            if isinstance(node, str) and (found := re.search("[\ud800-\udfff]", node)):
                return f"{pointer or '/'}: a lone surrogate (U+{ord(found[0]):04X}) is not text"
        level = list(_below(level))
    return f"{level[0][0]}: nested deeper than {MAX_DEPTH} levels"


def _below(level: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for pointer, node in level:
        if isinstance(node, dict):
            for key, value in node.items():
                yield pointer, key
                shown = key.encode(errors="backslashreplace").decode()
                yield f"{pointer}/{shown.replace('~', '~0').replace('/', '~1')}", value
        elif isinstance(node, list):
            yield from ((f"{pointer}/{index}", part) for index, part in enumerate(node))


def number(text: str) -> Any:
    """The value of a number that is written with a fraction or an exponent.

    JSON has one kind of number, so 20.0 and 2e1 are the integer 20.
    """
    value = float(text)
    if math.isinf(value):
        return _Fault(f"{text[:20]} is more than a number can be here")
    if value == 0 and re.match("[-+.0]*[1-9]", text):
        return _Fault(f"{text[:20]} is nearer to 0 than a number can be here")
    return int(value) if value.is_integer() and abs(value) <= EXACT else value


def _integer(text: str) -> Any:
    return int(text) if len(text) < 4000 else _Fault(f"{text[:20]} is more than a number can be here")


def _object(pairs: list[tuple[str, Any]]) -> Any:
    if len(pairs) > MAX_MEMBERS:
        return _Fault(f"an object has more than {MAX_MEMBERS} members")
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                members[key] = _Fault("the key stands twice in its object")
            seen.add(key)
    return members


# --- JSON


def _parse_json(text: str, name: str) -> Any:
    if _values(text) > MAX_VALUES and _values(_without_strings(text)) > MAX_VALUES:
        raise ValueError(f"{name} holds more than {MAX_VALUES} values")
    if _LONG.search(text) and (long := _LONG.search(_without_strings(text))):
        raise ValueError(f"{name}: {long[0][:20]} is more than a number can be here")
    try:
        return json.loads(  # integers have no hook, which would cost more than all else: they are looked at afterwards
            text,
            object_pairs_hook=_object,
            parse_float=number,
            parse_constant=lambda word: _Fault(f"{word} is not a JSON number"),
        )
    except RecursionError:
        raise ValueError(f"{name} is nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None


def _values(text: str) -> int:
    return sum(map(text.count, (",", "[", "{")))


def _without_strings(text: str) -> str:
    return "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])


# --- YAML

_CORE = {
    "null": re.compile(r"null|Null|NULL|~|"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?[0-9]+"),
    "octal": re.compile(r"0o[0-7]+"),
    "hexadecimal": re.compile(r"0x[0-9a-fA-F]+"),
    "float": re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
    "not finite": re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
}
"""What a plain scalar is by YAML 1.2's core schema (chapter 10.3.2); anything else is text."""


def _parse_yaml(text: str, name: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise ValueError(f"{name} is not JSON, and reading YAML needs the package pyyaml") from None
    try:

        class Plain(yaml.SafeLoader):
            """Marks plain scalars as such: what they mean is decided here."""

            yaml_implicit_resolvers = {None: [("plain", re.compile(""))]}  # noqa: RUF012

        return _built(yaml.compose(text, Loader=Plain), {})
    except RecursionError:
        raise ValueError(f"{name} is nested deeper than {MAX_DEPTH} levels") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"{name} is neither JSON nor YAML: {error.problem or error.context}{place}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is neither JSON nor YAML: {' '.join(str(error).split())}") from None


def _built(node: Any, known: dict[int, Any], depth: int = 0) -> Any:
    """The value of a node. Each node is built once, however many aliases name it."""
    if node is None:
        return None
    if id(node) not in known:
        place = f" (line {node.start_mark.line + 1}, column {node.start_mark.column + 1})"
        if depth > MAX_DEPTH + 1:
            return _Fault(f"nested deeper than {MAX_DEPTH} levels{place}")
        known[id(node)] = _value(node, place, known, depth)
    return known[id(node)]


def _value(node: Any, place: str, known: dict[int, Any], depth: int) -> Any:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    match node.id, kind:
        case "scalar", "plain":
            return _scalar(node.value, place)
        case "scalar", "str":
            return node.value
        case "sequence", "seq":
            return [_built(part, known, depth + 1) for part in node.value]
        case "mapping", "map":
            members: dict[str, Any] = {}
            for key, value in node.value:
                where = f" (line {key.start_mark.line + 1}, column {key.start_mark.column + 1})"
                if key.id != "scalar":
                    return _Fault(f"a key is text, and this one is a list or a mapping{where}")
                twice = _Fault(f"the key stands twice in its mapping{where}") if key.value in members else None
                members[key.value] = twice or _built(value, known, depth + 1)
            return members
    return _Fault(f"the tag !!{kind} is not read: write what JSON has{place}")


def _scalar(text: str, place: str) -> Any:
    """What a plain scalar means."""
    kind = next((kind for kind, words in _CORE.items() if words.fullmatch(text)), "text")
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _integer(text)
        case "octal" | "hexadecimal":
            return int(text, 0)
        case "float":
            return number(text)
        case "not finite":
            return _Fault(f"{text} is not a JSON number{place}")
    return text
