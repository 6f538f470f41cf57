"""The OpenAPI document: its examples work, its links lead somewhere, and every operation is described."""

from __future__ import annotations

from typing import Any

import httpx

METHODS = ("get", "post", "put", "patch", "delete")


def document(http: httpx.Client) -> dict[str, Any]:
    return dict(http.get("/openapi.json").json())


def operations(http: httpx.Client) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path in document(http)["paths"].values()
        for method, operation in path.items()
        if method in METHODS
    }


def test_every_example_works(http: httpx.Client) -> None:
    body = operations(http)["create_job"]["requestBody"]["content"]["application/json"]
    assert len(body["examples"]) >= 3
    for name, example in body["examples"].items():
        for params in ({"validate_only": "true"}, {}):
            answer = http.post("/v1/jobs", json=example["value"], params=params)
            assert answer.status_code in (200, 202), (name, answer.text)


def test_every_link_leads_to_an_operation(http: httpx.Client) -> None:
    found = operations(http)
    links = found["create_job"]["responses"]["202"]["links"]
    assert {"get_job", "cancel_job", "get_history", "get_run", "get_plot", "delete_job"} <= links.keys()
    for operation in found.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                taken = {p["name"] for p in found[link["operationId"]]["parameters"] if p["in"] == "path"}
                assert set(link["parameters"]) == taken


def test_every_operation_is_told(http: httpx.Client) -> None:
    for name, operation in operations(http).items():
        assert operation["summary"], name
        assert operation["description"], name
        if not name.startswith(("healthz", "readyz", "read_prometheus")):
            assert operation["security"] == [{"HTTPBearer": []}], name
            assert {"401", "403", "429", "503"} <= operation["responses"].keys(), name


def test_an_integer_that_passes_32_bits_says_so(http: httpx.Client) -> None:
    """Clients of many languages take an integer without a format for one of 32 bits."""

    def integers(node: Any, place: str = "") -> dict[str, dict[str, Any]]:
        if isinstance(node, list):
            node = dict(enumerate(node))
        if not isinstance(node, dict):
            return {}
        found = {place: node} if node.get("type") == "integer" else {}
        for name, part in node.items():
            found |= integers(part, f"{place}/{name}")
        return found

    schemas = document(http)["components"]["schemas"]
    found = integers(schemas)
    for place, schema in found.items():
        assert schema["maximum"] < 2**31 or schema["format"] == "int64", place
    seeds = schemas["JobRequest"]["properties"]["seeds"]["items"]
    assert (seeds["maximum"], seeds["format"]) == (2**32 - 1, "int64")
    for place in ("Synthetic/properties/seed", "RunObject/properties/seed", "RunObject/properties/parameters"):
        assert found[f"/{place}"]["format"] == "int64"
