"""Data sets: the tables that users send, each with a card of what is in it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from api.access import Access, Reader, Submitter, is_id
from api.body import CLOSE, TooLarge, TooSlow
from api.lanes import READING
from api.problems import documented
from api.root import at
from api.routing import Route
from models import datasets, deletion
from models.errors import Conflict, Malformed, NotFound
from models.kinds.dataset import Dataset
from models.kinds.datasets import DATASETS
from models.settings import Settings
from models.tables import StoredDataset
from models.tabular.apart import SentFile, read_apart
from models.tabular.card import Card, Classes, Input, Quantity, Rows, Warning
from models.tabular.options import TaskName, read_options
from models.tabular.source import named_format

router = APIRouter(tags=["data sets"], route_class=Route)

FOLDERS = "ockham-dataset-"
"""How the names of the temporary folders begin."""
UPLOAD_SECONDS = 600
FORGOTTEN_SECONDS = 2 * 3600
"""A folder that is older is one of a process that was killed."""
FRAME_BYTES = 2_000_000
"""Of a request beside its files: the options, and what separates the parts."""
MAX_ROWS_SHOWN = 1000


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
    links: dict[str, str]


class DatasetList(BaseModel):
    """A page of data sets: one's own, newest first, then the built-in ones."""

    object: Literal["list"] = "list"
    data: list[DatasetObject]
    has_more: bool


class RowObject(BaseModel):
    """A row as it was read: text, a number, or null where nothing stands."""

    row: int = Field(description="From 1")
    values: dict[str, JsonValue]


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

    It is stored whole or not at all. The same files with the same options are the same data set.
    """
    settings: Settings = request.app.state.settings
    with tempfile.TemporaryDirectory(prefix=FOLDERS) as folder:
        files, options = await _received(request, Path(folder), 2 * settings.max_dataset_bytes + FRAME_BYTES)
        status, shown = await READING.run(_created, access, settings, files, options, Path(folder), validate_only)
    headers = {"Location": shown.links["self"]} if status == 201 else {}
    return Response(shown.model_dump_json(), status, headers, "application/json")


def _created(
    access: Access, settings: Settings, files: dict[str, SentFile], sent: bytes, folder: Path, validate_only: bool
) -> tuple[int, DatasetObject]:
    options = read_options(sent, files["train"].name).model_dump_json()
    digest = _digest(files, options)
    if not validate_only:
        with access.database.read() as session:
            if (same := datasets.find_same(session, access.owner, digest)) is not None:
                return 200, _shown(same)
    parts = folder / "parts"
    parts.mkdir()
    result = read_apart(files["train"], files.get("test"), options, settings.max_dataset_bytes, parts)
    size = sum(path.stat().st_size for _, _, path in result.parts)
    if validate_only:
        return 200, _described(None, result.name, result.card, bytes=size, sha256=digest)
    with access.database.read() as session:
        there = datasets.stored_bytes(session, access.owner)
    if there + size > settings.max_datasets_bytes:
        detail = f"Data sets may have {settings.max_datasets_bytes:,} bytes together; delete one first"
        raise Conflict(f"{detail}: there are {there:,}, and this one has {size:,}")
    content = ((split, first, path.read_bytes()) for split, first, path in result.parts)
    dataset_id = datasets.store(access.database, access.owner, result.name, digest, result.card, content, size)
    with access.database.read() as session:
        return 201, _shown(_find(access, session, dataset_id))


async def _received(request: Request, folder: Path, limit: int) -> tuple[dict[str, SentFile], bytes]:
    """The files, written into `folder`, and the options. Raises Malformed, TooLarge or TooSlow."""
    too_large = TooLarge(f"A data set's files may have at most {limit} bytes together", headers=CLOSE)
    told = request.headers.get("Content-Length", "")
    if told.isdecimal() and int(told) > limit:
        raise too_large
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise too_large
        return message

    counted = Request(request.scope, receive)
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            form = await counted.form(max_files=3, max_fields=3)
    except TimeoutError:
        raise TooSlow(f"A data set must come within {UPLOAD_SECONDS} seconds", headers=CLOSE) from None
    except HTTPException as error:
        raise Malformed(str(error.detail)) from None
    except (LookupError, UnicodeError):
        raise Malformed("The body's charset must be UTF-8") from None
    try:
        unknown = sorted(set(form) - {"train", "test", "options"})
        twice = [name for name in form if len(form.getlist(name)) > 1]
        if unknown or twice:
            raise Malformed(
                f"The parts are `train`, `test` and `options`, once each, and not {(unknown or twice)[0]!r}"
            )
        files = {name: form[name] for name in ("train", "test") if name in form}
        missing = [name for name in ("train", "options") if name not in form]
        if missing:
            detail = "Send multipart/form-data: a file `train`, if you like a file `test`, and JSON `options`"
            raise Malformed(f"There is no part {missing[0]!r}. {detail}")
        options = form["options"]
        raw = options.encode(errors="replace") if isinstance(options, str) else await options.read(FRAME_BYTES)
        return await run_in_threadpool(_kept, files, folder), raw
    finally:
        await form.close()


def _kept(files: dict[str, Any], folder: Path) -> dict[str, SentFile]:
    kept = {}
    for name, file in files.items():
        if not isinstance(file, UploadFile):
            raise Malformed(f"`{name}` must be a file, and is a field: give it a file name")
        with (folder / name).open("wb") as into:
            while block := file.file.read(1 << 20):
                into.write(block)
        kept[name] = SentFile(folder / name, file.filename or name, file.content_type or "")
    return kept


def _digest(files: dict[str, SentFile], options: str) -> str:
    digest = hashlib.sha256(options.encode())
    for name, sent in sorted(files.items()):
        digest.update(f"\0{name}\0{named_format(sent.name, sent.media_type)}\0".encode())
        with sent.path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
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
        query = query.where(StoredDataset.name == name.replace("\0", "\ufffd"))
    if task is not None:
        query = query.where(StoredDataset.task == task)
    if after is not None:
        query = query.where(StoredDataset.id < after)
    with access.database.read() as session:
        found = [_shown(each) for each in session.scalars(query)]
    if len(found) <= limit:
        builtin = [_builtin(kind) for kind in _BUILTIN.values()]
        found += [each for each in builtin if name in (None, each.name) and task in (None, each.task)]
        return DatasetList(data=found, has_more=False)
    return DatasetList(data=found[:limit], has_more=True)


@router.get(
    "/datasets/{dataset_id}", response_model=DatasetObject, summary="Read a data set", responses=documented(404, 422)
)
def get_dataset(access: Reader, dataset_id: str) -> Any:
    """The data set with its card."""
    if dataset_id in _BUILTIN:
        return _builtin(_BUILTIN[dataset_id])
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
    query = access.own(select(StoredDataset).where(StoredDataset.id == dataset_id), StoredDataset.owner)
    found: StoredDataset | None = session.scalar(query) if is_id(dataset_id, "ds") else None
    if found is None:
        builtin = f"; `{dataset_id}` is built in, and has no rows here" if dataset_id in _BUILTIN else ""
        raise NotFound(f"There is no data set of one's own with this id{builtin}")
    return found


def _shown(row: StoredDataset) -> DatasetObject:
    card = Card.model_validate(row.card)
    return _described(row.id, row.name, card, bytes=row.bytes, sha256=row.digest, created_at=row.created_at)


def _described(
    dataset_id: str | None, name: str, card: Card, bytes: int, sha256: str | None, created_at: datetime | None = None
) -> DatasetObject:
    return DatasetObject(
        id=dataset_id,
        name=name,
        builtin=False,
        created_at=created_at,
        sha256=sha256,
        bytes=bytes,
        links=_links(dataset_id),
        **dict(card),
    )


def _links(dataset_id: str | None, rows: bool = True) -> dict[str, str]:
    if dataset_id is None:
        return {}
    base = at(f"/v1/datasets/{dataset_id}")
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
        links=_links(data.name, rows=False),
    )


_BUILTIN = {name: kind for name, kind in DATASETS.items() if not kind.uploaded}
