"""A file as it was sent: unpacked, its format and its encoding found."""

from __future__ import annotations

import codecs
import gzip
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Literal

from models.tabular.faults import Faults, File

Format = Literal["csv", "tsv", "jsonl", "parquet"]

_CHUNK = 1 << 20
MAX_LINE = 16 << 20
"""Bytes of a line; a file without line ends is not read into memory whole."""
_SAMPLE = 64 << 10

_ENDINGS: dict[str, Format] = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet",
    "pq": "parquet",
}  # fmt: skip
_MEDIA_TYPES: dict[str, Format] = {
    "text/csv": "csv", "text/tab-separated-values": "tsv", "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl", "application/json-lines": "jsonl", "application/vnd.apache.parquet": "parquet",
}  # fmt: skip
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
GUESSED_LINES = 3
"""Lines that are not UTF-8 from which on a file is taken for one of another charset, if none is UTF-8."""


def named_format(file_name: str, media_type: str) -> Format | None:
    """What a file's name says, or else its media type."""
    ending = re.sub(r"\.gz$", "", file_name.lower()).rpartition(".")[2]
    return _ENDINGS.get(ending) or _MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())


@dataclass(frozen=True)
class Source:
    """A file that can be read again from its beginning."""

    file: IO[bytes]
    format: Format
    encoding: str
    guessed: bool
    """Whether the encoding was found by its characters alone."""
    suspicious: bool
    """Whether a cell may hold what is not text: not UTF-8, or a NUL character."""


def open_source(
    file: IO[bytes], which: File, told: Format | None, limit: int, faults: Faults, opened: ExitStack, like: str = ""
) -> Source:
    """The file, unpacked if it is packed. `like`: the charset that the other file was taken for, if it was guessed.

    Raises InvalidDataset if it is no table, or is larger than `limit`.
    """
    file.seek(0)
    start = file.read(_SAMPLE)
    if start.startswith(b"\x1f\x8b"):
        file = _unpack(file, which, limit, faults, opened)
        start = file.read(_SAMPLE)
    if not start.strip():
        raise faults.stop(which, None, None, "empty_file", "The file is empty")
    for mark, words in {
        b"PK\x03\x04": "a ZIP archive or an Excel workbook",
        b"\xd0\xcf\x11\xe0": "an Excel workbook",
        b"%PDF": "a PDF",
        b"\x89PNG": "a picture",
        b"\xff\xd8\xff": "a picture",
        b"GIF8": "a picture",
        b"\x89HDF": "an HDF5 file",
        b"SQLite format 3\0": "an SQLite database",
        b"\x93NUMPY": "a NumPy array",
        b"\x28\xb5\x2f\xfd": "packed with Zstandard",
        b"BZh": "packed with bzip2",
        b"\xfd7zXZ": "packed with xz",
    }.items():
        if start.startswith(mark):
            detail = f"The file is {words}; send CSV, TSV, JSON lines or Parquet, plain or packed with gzip"
            raise faults.stop(which, None, None, "unsupported_format", detail)
    if start.startswith(b"PAR1"):
        return Source(file, "parquet", "", False, suspicious=True)
    if told == "parquet":
        raise faults.stop(which, None, None, "not_parquet", "The file is named as Parquet, and is none")
    encoding, guessed, suspicious = _encoding(file, start, like)
    first = start.decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if told in (None, "jsonl") and re.match(r"\[\s*[\[{]|\{\s*\n", first):
        detail = "The file is one JSON value; JSON lines has an object on each line, and nothing between them"
        raise faults.stop(which, None, None, "unsupported_format", detail)
    if told is None:
        told = "jsonl" if first.startswith("{") else "csv"
    return Source(file, told, encoding, guessed, suspicious)


def _unpack(file: IO[bytes], which: File, limit: int, faults: Faults, opened: ExitStack) -> IO[bytes]:
    file.seek(0)
    unpacked, size = opened.enter_context(tempfile.TemporaryFile()), 0  # noqa: SIM115
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > limit:
                    detail = f"Unpacked, the file has more than {limit:,} bytes"
                    raise faults.stop(which, None, None, "too_large", detail)
                unpacked.write(chunk)
    except (EOFError, OSError, zlib.error):
        raise faults.stop(
            which, None, None, "not_gzip", "The file is cut short or damaged: gzip cannot unpack it"
        ) from None
    unpacked.seek(0)
    return unpacked


def _encoding(file: IO[bytes], start: bytes, like: str) -> tuple[str, bool, bool]:
    """The encoding, whether it is a guess, and whether cells are to be looked at."""
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name, False, True
    if zeros := start.count(0):
        odd = start[1::2].count(0)
        if zeros > len(start) // 4 and odd in (0, zeros):
            return ("utf-16-be" if odd == 0 else "utf-16-le"), False, True
    decoder, nul = codecs.getincrementaldecoder("utf-8")(), False
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
            nul = nul or b"\0" in chunk
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        other = _other_charset(file, like)
        return (other or "utf-8"), other is not None, True
    return "utf-8", False, nul


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def _other_charset(file: IO[bytes], like: str) -> str | None:
    """The charset of a file in which no line that has more than ASCII is UTF-8; None for UTF-8 with bad rows.

    It is `like` if the file can be read so: two files of one table are of one charset.
    """
    file.seek(0)
    bad, sample = 0, bytearray()
    while line := file.readline(MAX_LINE):
        if line.isascii():
            continue
        try:
            line.decode()
            return None
        except UnicodeDecodeError:
            bad += 1
            if len(sample) < _SAMPLE:
                sample += line[:_SAMPLE]
    if like and _is_readable(bytes(sample), like):
        return like
    if bad < GUESSED_LINES:
        return None
    western = _is_western(bytes(sample))
    if western and not _OTHER_WORDS.search(sample):
        return "cp1252"  # a few words are too little for a guess by how often characters are
    from charset_normalizer import from_bytes  # rarely needed

    best = from_bytes(bytes(sample)).best()
    if best is not None and best.encoding in _LATIN and western:
        return "cp1252"
    return best.encoding if best is not None and best.encoding not in ("utf_8", "ascii") else None


def _is_readable(sample: bytes, charset: str) -> bool:
    try:
        sample.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


_LATIN = {
    "cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "iso8859_2", "iso8859_9", "iso8859_15", "iso8859_16", "latin_1",
}  # fmt: skip
"""Charsets of letters like those of Western Europe, which a short text does not tell apart."""
_NOT_WESTERN = b"\xd0\xdd\xde\xf0\xfd\xfe"
_SIGNS = b"\x80\x85\x8c\x91\x92\x93\x94\x95\x96\x97\x9c\xa0\xa1\xa3\xa7\xa9\xab\xae\xb0\xb4\xb7\xbb\xbd\xbf"
_WESTERN = {*range(0xC0, 0x100), *_SIGNS} - {*_NOT_WESTERN}
"""Bytes above ASCII that text in a language of Western Europe has in cp1252; Polish, Czech and Turkish need others."""
_OTHER_WORDS = re.compile(rb"[\xc0-\xff]{3}|(?<![A-Za-z\xc0-\xff])[\xc0-\xff]{2,}(?![A-Za-z\xc0-\xff])")
"""What words of other scripts have and those of Western Europe have not: three letters in a row that are not ASCII's,
or a whole word of them."""
_HUNGARIAN, _TELLING = set(b"\xd5\xdb\xf5\xfb"), set(b"\xc0\xc3\xc7\xc8\xca\xd1\xe0\xe3\xe7\xe8\xea\xf1")
"""The former are letters of Hungarian in cp1250; a text with one of the latter is not Hungarian."""


def _is_western(sample: bytes) -> bool:
    found = {byte for byte in sample if byte >= 0x80}
    return found <= _WESTERN and (not found & _HUNGARIAN or bool(found & _TELLING))
