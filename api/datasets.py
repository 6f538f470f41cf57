"""Data sets: the tables that users send, each with a card of what is in it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from anyio.from_thread import check_cancelled
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from api.access import Access, Reader, Submitter
from api.body import BODY_SECONDS, CLOSE, TooLarge, TooSlow, length_told
from api.lanes import READING, READING_SMALL, attended
from api.problems import documented
from api.root_path import public_path
from api.routing import Route
from models import datasets, deletion
from models.database import comparable
from models.errors import Malformed, NotFound
from models.kinds.dataset import Dataset
from models.kinds.datasets import BUILTIN
from models.settings import Settings
from models.tables import StoredDataset
from models.tabular.apart import SentFile, read_apart
from models.tabular.card import Card, Classes, Input, Quantity, Rows, Warning
from models.tabular.options import Options, TaskName, read_options

router = APIRouter(tags=["data sets"], route_class=Route)

FOLDERS = "ockham-dataset-"
"""How the names of the temporary folders begin."""
UPLOAD_SECONDS = 600
FORGOTTEN_SECONDS = 2 * 3600
"""A folder that is older is one of a process that was killed."""
FRAME_BYTES = 2_000_000
"""Of a request beside its files: the options, and what separates the parts."""
SMALL_BYTES = 2 << 20
"""Plain files of up to this size together do not wait for larger ones."""
MAX_ROWS_SHOWN = 1000
ROWS_SHOWN = 5
"""Of a data set that is only read."""


class RowObject(BaseModel):
    """A row as it was read: text, a number, or null where nothing stands."""

    row: int = Field(description="From 1")
    values: dict[str, JsonValue]


class DatasetObject(BaseModel):
    """A data set: a user's with its card, or a built-in one."""

    id: str | None = Field(description="Null if it was only read (`validate_only`); of a built-in one its name")
    object: Literal["dataset"] = "dataset"
    name: str
    builtin: bool
    task: TaskName
    created_at: datetime | None
    sha256: str | None = Field(description="Of the files as they were sent, and of the options")
    bytes: int | None = Field(description="Of the rows as they are stored")
    rows: Rows
    label: Classes | Quantity | None
    inputs: list[Input]
    group: str | None
    warnings: list[Warning]
    preview: list[RowObject] | None = Field(
        description="The first rows, if they were only read (`validate_only`); else null: `links.rows` has all"
    )
    links: dict[str, str]


class DatasetList(BaseModel):
    """A page of data sets: one's own, newest first, then the built-in ones."""

    object: Literal["list"] = "list"
    data: list[DatasetObject]
    has_more: bool


class RowList(BaseModel):
    """A page of rows, in the file's order."""

    object: Literal["list"] = "list"
    data: list[RowObject]
    has_more: bool


_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["train", "options"],
                "additionalProperties": False,
                "properties": {
                    "train": {**_FILE, "description": "CSV, TSV, JSON lines or Parquet; gzip allowed"},
                    "test": {**_FILE, "description": "Rows that are only tested on, with the same columns"},
                    "options": {"$ref": "#/components/schemas/Options"},
                },
            },
            "encoding": {"options": {"contentType": "application/json"}},
        }
    },
}


@router.post(
    "/datasets",
    status_code=201,
    response_model=DatasetObject,
    summary="Send a data set",
    responses={
        200: {"model": DatasetObject, "description": "It is there already; or, with `validate_only`, what was read"},
        **documented(408, 409, 413, 422),
    },
    openapi_extra={"requestBody": _BODY},
)
async def create_dataset(
    request: Request,
    access: Submitter,
    validate_only: Annotated[bool, Query(description="Only read it; nothing is stored")] = False,
) -> Response:
    """Reads a table with a label: its card, or every bad row at once.

    It is stored whole or not at all; if the client leaves while it is read, reading ends. The same files with the same
    options are the same data set.
    """
    settings: Settings = request.app.state.settings
    async with _form(request, 2 * settings.max_dataset_bytes + FRAME_BYTES) as form:
        lane = READING_SMALL if _is_small(form) else READING
        work = lane.run(_created, access, settings, form, validate_only, owner=access.owner)
        status, shown = await attended(request, work)
    headers = {"Location": shown.links["self"]} if status == 201 else {}
    return Response(shown.model_dump_json(), status, headers, "application/json")


def _is_small(form: FormData) -> bool:
    """Whether reading the files will not take long: they are small, and not packed."""
    files = [part for part in form.values() if isinstance(part, UploadFile)]
    for each in files:
        start = each.file.read(4)
        each.file.seek(0)
        if start.startswith((b"\x1f\x8b", b"PAR1")):
            return False
    return sum(each.size or 0 for each in files) <= SMALL_BYTES


def _created(access: Access, settings: Settings, form: FormData, validate_only: bool) -> tuple[int, DatasetObject]:
    with tempfile.TemporaryDirectory(prefix=FOLDERS) as made:
        folder = Path(made)
        files = {name: _kept(part, name, folder) for name in ("train", "test") if (part := form.get(name)) is not None}
        options = read_options(_text(form["options"]), files["train"].name)
        digest = _digest(files, options)
        if not validate_only:
            with access.database.read() as session:
                if (same := datasets.find_same(session, access.owner, digest)) is not None:
                    return 200, _shown(same)
        result = read_apart(
            files["train"], files.get("test"), options, settings.max_dataset_bytes, folder, check_cancelled
        )
        name, size = str(options.name), sum(path.stat().st_size for _, _, path in result.parts)
        if validate_only:
            first = pq.read_table(next(path for split, _, path in result.parts if split == "train"))
            preview = [RowObject(row=i, values=values) for i, values in enumerate(first[:ROWS_SHOWN].to_pylist(), 1)]
            return 200, _described(None, name, result.card, bytes=size, sha256=digest, preview=preview)
        content = ((split, first, path.read_bytes()) for split, first, path in result.parts)
        most = settings.max_datasets_bytes
        dataset_id = datasets.store(access.database, access.owner, name, digest, result.card, content, size, most)
    with access.database.read() as session:
        return 201, _shown(_find(access, session, dataset_id))


@asynccontextmanager
async def _form(request: Request, limit: int) -> AsyncIterator[FormData]:
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


def _kept(part: UploadFile | str, name: str, folder: Path) -> SentFile:
    if not isinstance(part, UploadFile):
        raise Malformed(f"`{name}` must be a file, and is a field: give it a file name")
    digest = hashlib.sha256()
    with (folder / name).open("wb") as into:
        while block := part.file.read(1 << 20):
            into.write(block)
            digest.update(block)
    file_name = _sent(part.filename or name).decode(errors="replace")
    return SentFile(folder / name, file_name, part.content_type or "", digest.digest())


def _text(part: UploadFile | str) -> bytes:
    return _sent(part) if isinstance(part, str) else part.file.read(FRAME_BYTES)


def _sent(text: str) -> bytes:
    """The bytes of a name or a field that was read as Latin-1."""
    return text.encode("latin-1", "replace")


def _digest(files: dict[str, SentFile], options: Options) -> str:
    digest = hashlib.sha256(options.model_dump_json().encode())
    for name, sent in sorted(files.items()):
        digest.update(f"\0{name}\0{sent.format}\0".encode())
        digest.update(sent.sha256)
    return digest.hexdigest()


def tidy() -> None:
    """Removes the temporary folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        with suppress(OSError):
            found = folder.lstat()
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(folder)


@router.get("/datasets", response_model=DatasetList, summary="List data sets", responses=documented(422))
def list_datasets(
    access: Reader,
    name: Annotated[str | None, Query(max_length=200, description="Only data sets of this name")] = None,
    task: Annotated[TaskName | None, Query(description="Only data sets of this task")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[
        str | None, Query(pattern="^ds_[0-9a-f]{32}$", description="The last id of the page before")
    ] = None,
) -> Any:
    """One's own, newest first; the built-in ones stand behind the last of them."""
    query = access.own(select(StoredDataset).order_by(StoredDataset.id.desc()).limit(limit + 1), StoredDataset.owner)
    if name is not None:
        query = query.where(StoredDataset.name == comparable(name))
    if task is not None:
        query = query.where(StoredDataset.task == task)
    if after is not None:
        query = query.where(StoredDataset.id < after)
    with access.database.read() as session:
        found = [_shown(each) for each in session.scalars(query)]
    if len(found) <= limit:
        builtin = [_builtin(kind) for kind in BUILTIN.values()]
        found += [each for each in builtin if name in (None, each.name) and task in (None, each.task)]
        return DatasetList(data=found, has_more=False)
    return DatasetList(data=found[:limit], has_more=True)


@router.get(
    "/datasets/{dataset_id}", response_model=DatasetObject, summary="Read a data set", responses=documented(404, 422)
)
def get_dataset(access: Reader, dataset_id: str) -> Any:
    """The data set with its card."""
    if dataset_id in BUILTIN:
        return _builtin(BUILTIN[dataset_id])
    with access.database.read() as session:
        return _shown(_find(access, session, dataset_id))


@router.get(
    "/datasets/{dataset_id}/rows",
    response_model=RowList,
    summary="Read a data set's rows",
    responses=documented(404, 422),
)
def list_rows(
    access: Reader,
    dataset_id: str,
    split: Annotated[Literal["train", "test"], Query(description="Of which file")] = "train",
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS_SHOWN)] = 20,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="The number of the last row seen")] = 0,
) -> Any:
    """Rows as they were read, the label among them."""
    with access.database.read() as session:
        _find(access, session, dataset_id)
    rows: list[RowObject] = []
    for first, data in datasets.read_parts(access.database, dataset_id, split, after):
        part = pq.read_table(pa.BufferReader(data))
        start = max(0, after - first)
        for i, values in enumerate(part.slice(start, limit + 1 - len(rows)).to_pylist()):
            rows.append(RowObject(row=first + start + i + 1, values=values))
        if len(rows) > limit:
            break
    return RowList(data=rows[:limit], has_more=len(rows) > limit)


@router.delete(
    "/datasets/{dataset_id}", status_code=204, summary="Delete a data set", responses=documented(404, 409, 422)
)
def delete_dataset(access: Submitter, dataset_id: str) -> Response:
    """Deletes the data set; histories and models of finished jobs that trained on it stay."""
    with access.database.write() as session:
        deletion.delete_dataset(session, _find(access, session, dataset_id).id)
    return Response(status_code=204)


def _find(access: Access, session: Session, dataset_id: str) -> StoredDataset:
    if dataset_id in BUILTIN:
        raise NotFound(
            f"There is no data set of one's own with this id; `{dataset_id}` is built in, and has no rows here"
        )
    return access.find(session, StoredDataset, dataset_id, "ds", "data set of one's own")


def _shown(row: StoredDataset) -> DatasetObject:
    card = Card.model_validate(row.card)
    return _described(row.id, row.name, card, bytes=row.bytes, sha256=row.digest, created_at=row.created_at)


def _described(
    dataset_id: str | None,
    name: str,
    card: Card,
    bytes: int,
    sha256: str | None,
    created_at: datetime | None = None,
    preview: list[RowObject] | None = None,
) -> DatasetObject:
    return DatasetObject(
        id=dataset_id,
        name=name,
        builtin=False,
        created_at=created_at,
        sha256=sha256,
        bytes=bytes,
        preview=preview,
        links=_links(dataset_id),
        **dict(card),
    )


def _links(dataset_id: str | None, rows: bool = True) -> dict[str, str]:
    if dataset_id is None:
        return {}
    base = public_path(f"/v1/datasets/{dataset_id}")
    return {"self": base, **({"rows": f"{base}/rows"} if rows else {})}


def _builtin(kind: type[Dataset]) -> DatasetObject:
    data = kind.model_validate(kind.starts)
    return DatasetObject(
        id=data.name,
        name=data.name,
        builtin=True,
        task=data.task.name,
        created_at=None,
        sha256=None,
        bytes=None,
        rows=Rows(train=data.available, test=data.tested),
        label=None,
        inputs=[],
        group=None,
        warnings=[],
        preview=None,
        links=_links(data.name, rows=False),
    )
