"""Whether an answer is what the OpenAPI document says, field by field: nothing undocumented, nothing missing."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import jsonschema_rs

JSON = ("application/json", "application/problem+json")
METHODS = ("get", "post", "put", "patch", "delete")


class AsDocumented:
    """A response hook of httpx: every JSON answer of a documented operation is checked against its schema.

    An object may have the fields that its schema names and no others, unless the schema says what others may be.
    A field that a model always writes is required by its schema, so none is missing.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._operations: list[tuple[str, re.Pattern[str], dict[str, Any]]] = []
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def __call__(self, response: httpx.Response) -> None:
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        if media_type not in JSON or response.request.method == "HEAD":
            return
        operation = self._operation(response.request.method, response.request.url.path)
        if operation is None:
            return
        told = operation["responses"].get(str(response.status_code))
        asked = f"{operation['operationId']}: {response.request.method} {response.request.url}"
        assert told is not None, f"{asked} answers {response.status_code}, which the document does not say"
        schema = told.get("content", {}).get(media_type, {}).get("schema")
        assert schema is not None, f"{asked} answers {response.status_code} as {media_type}: undocumented"
        response.read()
        errors = [
            f"at {'/'.join(map(str, error.instance_path)) or 'its top'}: {error.message[:300]}"
            for error in self._validator(schema).iter_errors(response.json())
        ]
        assert not errors, f"{asked} is not as documented: {'; '.join(errors[:5])}"

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation of the document that a request is for: a path without parameters before one with."""
        if not self._operations:
            self._document = httpx.get(f"{self._url}/openapi.json", timeout=60).json()
            _close(self._document["components"]["schemas"])
            self._operations = [
                (verb, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))), operation)
                for template, verbs in sorted(self._document["paths"].items(), key=lambda each: each[0].count("{"))
                for verb, operation in verbs.items()
                if verb in METHODS
            ]
        of_method = (
            found for verb, pattern, found in self._operations if verb == method.lower() and pattern.fullmatch(path)
        )
        return next(of_method, None)

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        key = json.dumps(schema)
        if key not in self._validators:
            _close(schema)
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]


def _close(schema: Any) -> None:
    """Forbids, here and below, the fields that an object's schema does not name."""
    if isinstance(schema, list):
        for each in schema:
            _close(each)
    elif isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict) and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        for each in schema.values():
            _close(each)
