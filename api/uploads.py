"""The request that sends a data set: its parts are received within limits, and its files kept in a temporary folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from api.body import BODY_SECONDS, CLOSE, TooLarge, TooSlow, length_told
from models.errors import Malformed
from models.tabular.apart import SentFile
from models.tabular.options import Options

FOLDERS = "ockham-dataset-"
"""How the names of the temporary folders begin."""
UPLOAD_SECONDS = 600
FORGOTTEN_SECONDS = 2 * 3600
"""A folder that is older is one of a process that was killed."""
FRAME_BYTES = 2_000_000
"""Of a request beside its files: the options, and what separates the parts."""
SMALL_BYTES = 2 << 20
"""Plain files of up to this size together do not wait for larger ones."""


@asynccontextmanager
async def received(request: Request, limit: int) -> AsyncIterator[FormData]:
    """The request's parts: `train`, `options` and perhaps `test`, once each. Raises Malformed, TooLarge or TooSlow."""
    too_large = TooLarge(f"A data set's files may have at most {limit} bytes together", headers=CLOSE)
    if length_told(request) > limit:
        raise too_large
    size = 0

    async def receive() -> Message:
        nonlocal size
        async with asyncio.timeout(BODY_SECONDS):
            message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise too_large
        return message

    # Names and fields are read as Latin-1, which loses no byte: what is not UTF-8 can be told (RFC 7578, 5.1.2).
    headers = [
        (name, value + b"; charset=latin-1" if name == b"content-type" else value)
        for name, value in request.scope["headers"]
    ]
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            form = await Request({**request.scope, "headers": headers}, receive).form(max_files=3, max_fields=3)
    except TimeoutError:
        detail = f"A data set must come within {UPLOAD_SECONDS} seconds, with no pause of {BODY_SECONDS}"
        raise TooSlow(detail, headers=CLOSE) from None
    except HTTPException as error:
        raise Malformed(str(error.detail)) from None
    try:
        for name in form:
            if name not in ("train", "test", "options"):
                raise Malformed(
                    f"The parts are `train`, `test` and `options`, and not {_sent(name).decode(errors='replace')!r}"
                )
            if len(form.getlist(name)) > 1:
                raise Malformed(f"The part {name!r} was sent more than once")
        for name in ("train", "options"):
            if name not in form:
                detail = "Send multipart/form-data: a file `train`, if you like a file `test`, and JSON `options`"
                raise Malformed(f"There is no part {name!r}. {detail}")
        yield form
    finally:
        await form.close()


def is_small(form: FormData) -> bool:
    """Whether reading the files will not take long: they are small, and not packed."""
    files = [part for part in form.values() if isinstance(part, UploadFile)]
    for each in files:
        start = each.file.read(4)
        each.file.seek(0)
        if start.startswith((b"\x1f\x8b", b"PAR1")):
            return False
    return sum(each.size or 0 for each in files) <= SMALL_BYTES


def keep(part: UploadFile | str, name: str, folder: Path) -> SentFile:
    """The file of the part `name`, written to `folder`. Raises Malformed if it is a field."""
    if not isinstance(part, UploadFile):
        raise Malformed(f"`{name}` must be a file, and is a field: give it a file name")
    hashed = hashlib.sha256()
    with (folder / name).open("wb") as into:
        while block := part.file.read(1 << 20):
            into.write(block)
            hashed.update(block)
    file_name = _sent(part.filename or name).decode(errors="replace")
    return SentFile(folder / name, file_name, part.content_type or "", hashed.digest())


def text(part: UploadFile | str) -> bytes:
    """What a part has that may be a field or a file."""
    return _sent(part) if isinstance(part, str) else part.file.read(FRAME_BYTES)


def _sent(text: str) -> bytes:
    """The bytes of a name or a field that was read as Latin-1."""
    return text.encode("latin-1", "replace")


def digest(files: dict[str, SentFile], options: Options) -> str:
    """Hex SHA-256 of the files as they were sent, and of the options."""
    hashed = hashlib.sha256(options.model_dump_json().encode())
    for name, sent in sorted(files.items()):
        hashed.update(f"\0{name}\0{sent.format}\0".encode())
        hashed.update(sent.sha256)
    return hashed.hexdigest()


def tidy() -> None:
    """Removes the temporary folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        with suppress(OSError):
            found = folder.lstat()
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(folder)
