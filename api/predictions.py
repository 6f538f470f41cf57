"""What a run's model says of new rows, and what makes its inputs."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, JsonValue, ValidationError

from api.access import Access, Reader
from api.ask import InvalidRows, ask, find_run
from api.body import documented_body, read_json
from api.lanes import PREDICTING, attended
from api.problems import documented
from api.routing import Route
from models.faults import fault, faults_of, told
from models.kinds.dataset import Dataset, Given
from models.kinds.kind import Model
from models.preprocessing import Preprocessing
from models.settings import Settings

router = APIRouter(tags=["runs"], route_class=Route)

MAX_ROWS = 1000
MAX_CONTRIBUTIONS = 100_000
"""Of all rows together."""


class PredictRequest(Model):
    """Rows to predict: of each row all columns that the run was trained on, null where a value is missing."""

    rows: tuple[dict[str, JsonValue], ...] | None = Field(None, min_length=1, max_length=MAX_ROWS)
    texts: tuple[str, ...] | None = Field(
        None, min_length=1, max_length=MAX_ROWS, description="In place of `rows`, if a text is all of a row"
    )
    contributions: bool = Field(True, description="Whether to say what each input contributes")

    @classmethod
    def documented(cls) -> dict[str, Any]:
        """OpenAPI's request body."""
        example = {"rows": [{"review": "It was a waste of time", "stars": 2}]}
        return documented_body(cls, example=example)


class Contribution(BaseModel):
    """How much `value` changes by an input: with it, minus without it."""

    column: str
    input: str = Field(description="The word (`[UNK]`: all words that are not known), or else the column")
    effect: float


class Prediction(BaseModel):
    """What the model says of a row."""

    label: str | None = Field(description="The likeliest class; null of a regression")
    probabilities: dict[str, float] | None = Field(description="Of each class; null of a regression")
    value: float = Field(
        description="The number that is predicted; or the second class's probability if there are two, else `label`'s"
    )
    contributions: list[Contribution] | None = Field(description="The largest first; null if they were not asked for")


class Predictions(BaseModel):
    """A prediction for each row, in their order."""

    object: Literal["predictions"] = "predictions"
    run_id: str
    predictions: list[Prediction]


@router.post(
    "/runs/{run_id}/predict",
    response_model=Predictions,
    summary="Predict new rows",
    responses=documented(404, 408, 409, 413, 422),
    openapi_extra={"requestBody": PredictRequest.documented()},
)
async def predict(request: Request, access: Reader, run_id: str, body: Annotated[Any, Depends(read_json)]) -> Response:
    """What the run's model says of rows, and how much each word, number and category contributes to that."""
    settings: Settings = request.app.state.settings
    answer = await attended(request, PREDICTING.run(_predicted, access, settings, run_id, body, owner=access.owner))
    return Response(answer, 200, media_type="application/json")


def _predicted(access: Access, settings: Settings, run_id: str, body: Any) -> bytes:
    _, specification, model = find_run(access, run_id)
    asked = _read(body, specification.dataset)
    columns, count = _columns(asked, specification.dataset)
    made = ask(
        "worker.use", access, settings, specification, model, do="predict", rows=columns, count=count,
        contributions=asked.contributions, most=MAX_CONTRIBUTIONS,
    )  # fmt: skip
    return Predictions(run_id=run_id, predictions=made).model_dump_json().encode()


@router.get(
    "/runs/{run_id}/preprocessing.json",
    response_model=Preprocessing,
    summary="Read how a run's inputs are made",
    responses=documented(404, 409, 422),
)
async def get_preprocessing(request: Request, access: Reader, run_id: str) -> Response:
    """The words, categories, means and standard deviations that the run learned, and the inputs that they have."""
    settings: Settings = request.app.state.settings
    answer = await attended(request, PREDICTING.run(_preprocessing, access, settings, run_id, owner=access.owner))
    return Response(answer, 200, media_type="application/json")


def _preprocessing(access: Access, settings: Settings, run_id: str) -> bytes:
    _, specification, model = find_run(access, run_id)
    return json.dumps(ask("worker.use", access, settings, specification, model, do="preprocessing")).encode()


# --- the rows


def _read(body: Any, dataset: Dataset) -> PredictRequest:
    """The request's body. Raises InvalidRows."""
    try:
        asked = PredictRequest.model_validate_json(json.dumps(body))
    except ValidationError as error:
        raise InvalidRows(list(faults_of(told(error), body, body, PredictRequest))) from None
    if (asked.rows is None) == (asked.texts is None):
        raise InvalidRows([fault((), "rows_or_texts", "Send either `rows` or `texts`")])
    if asked.texts is not None and [each.kind for each in dataset.given] != ["text"]:
        names = ", ".join(f"`{each.column}`" for each in dataset.given[:10])
        detail = f"A row is more than a text here: send `rows` of objects, with {names}"
        raise InvalidRows([fault(("texts",), "not_texts", detail)])
    return asked


def _columns(asked: PredictRequest, dataset: Dataset) -> tuple[dict[str, list[Any]], int]:
    """The rows by column, and how many there are. Raises InvalidRows with everything that is wrong with them."""
    if asked.texts is not None:
        return {dataset.given[0].column: list(asked.texts)}, len(asked.texts)
    assert asked.rows is not None
    names = {each.column for each in dataset.given}
    listed = ", ".join(f"`{name}`" for name in sorted(names)[:20]) + (", …" if len(names) > 20 else "")
    errors: list[dict[str, str]] = []
    columns: dict[str, list[Any]] = {each.column: [] for each in dataset.given}
    for i, row in enumerate(asked.rows):
        for name in row:
            if name not in names:
                detail = f"The run was not trained on such a column; it was on {listed}"
                errors.append(fault(("rows", i, name), "unknown_column", detail))
        for given in dataset.given:
            if given.column not in row:
                errors.append(
                    fault(("rows", i, given.column), "missing_column", "Send null for a value that is missing")
                )
            else:
                columns[given.column].append(_value(row[given.column], given, ("rows", i, given.column), errors))
    if errors:
        raise InvalidRows(errors)
    return columns, len(asked.rows)


LARGEST = 1e18


def _value(value: JsonValue, given: Given, place: tuple[str | int, ...], errors: list[dict[str, str]]) -> Any:
    """A cell as the encoding takes it; what is wrong with it is added to `errors`."""
    if value is None:
        return None
    if given.kind == "number":
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST:
            return float(value)
        errors.append(fault(place, "not_a_number", f"A number up to {LARGEST:g} belongs here, or null"))
    elif isinstance(value, str):
        return value
    elif given.kind == "category" and isinstance(value, (bool, int, float)):
        return json.dumps(value)
    else:
        errors.append(fault(place, f"not_a_{given.kind}", "A string belongs here, or null"))
    return None
