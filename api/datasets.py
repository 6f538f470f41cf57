"""Data sets: the tables that users send, each with a card of what is in it."""

from __future__ import annotations

import tempfile
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
from starlette.datastructures import FormData

from api import uploads
from api.access import Access, Reader, Submitter
from api.lanes import READING, READING_SMALL, attended
from api.problems import documented
from api.root_path import public_path
from api.routing import Route
from models import datasets, deletion
from models.database import comparable
from models.errors import NotFound
from models.kinds.dataset import Dataset
from models.kinds.datasets import BUILTIN
from models.settings import Settings
from models.tables import StoredDataset
from models.tabular.apart import read_apart
from models.tabular.card import Card, Classes, Input, Quantity, Rows, Warning
from models.tabular.options import TaskName, read_options

router = APIRouter(tags=["data sets"], route_class=Route)

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
    async with uploads.received(request, 2 * settings.max_dataset_bytes + uploads.FRAME_BYTES) as form:
        lane = READING_SMALL if uploads.is_small(form) else READING
        work = lane.run(_created, access, settings, form, validate_only, owner=access.owner)
        status, shown = await attended(request, work)
    headers = {"Location": shown.links["self"]} if status == 201 else {}
    return Response(shown.model_dump_json(), status, headers, "application/json")


def _created(access: Access, settings: Settings, form: FormData, validate_only: bool) -> tuple[int, DatasetObject]:
    with tempfile.TemporaryDirectory(prefix=uploads.FOLDERS) as made:
        folder = Path(made)
        files = {
            name: uploads.keep(part, name, folder) for name in ("train", "test") if (part := form.get(name)) is not None
        }
        options = read_options(uploads.text(form["options"]), files["train"].name)
        digest = uploads.digest(files, options)
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
