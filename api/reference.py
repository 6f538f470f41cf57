"""Writes what the documentation must say exactly: `python -m api.reference` (a test holds the files to it).

docs/api/reference.md is made from the OpenAPI document, the table in docs/settings.md from `Settings`, docs/kinds.md
from the catalogue of kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.app import create_app
from models.documents import EXACT
from models.kinds.axes import AXES
from models.kinds.constraints import CONSTRAINTS
from models.kinds.datasets import DATASETS
from models.kinds.kind import Kind
from models.kinds.layers import LAYERS
from models.kinds.metrics import MEASURES, METRICS, offered
from models.kinds.optimizers import OPTIMIZERS
from models.kinds.regularizers import REGULARIZERS
from models.kinds.schedules import SCHEDULES
from models.kinds.tasks import TASKS
from models.kinds.weights import WEIGHTS
from models.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Writes the files anew."""
    for path, text in pages().items():
        path.write_text(text)


def pages() -> dict[Path, str]:
    """Each file, and what it must say."""
    settings = DOCS / "settings.md"
    before, _, _ = settings.read_text().partition("| variable |")
    return {
        DOCS / "api" / "reference.md": reference(create_app(Settings()).openapi()),
        settings: before + settings_table(),
        DOCS / "kinds.md": kinds(),
    }


def reference(document: dict[str, Any]) -> str:
    """Every operation with its parameters and answers, and every object with its fields."""
    lines = [
        "# Reference",
        "",
        "Made from the OpenAPI document (`GET /openapi.json`) by `python -m api.reference`; the document says more,",
        "`/docs` lets one try it.",
        "",
        "## Operations",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines += ["", f"### {method.upper()} {path}", "", f"{operation['summary']}. {operation['description']}", ""]
            lines += _parameters(operation.get("parameters", []))
            answers = [
                f"**{status}** {answer['description'].rstrip('.')}{_objects(answer)}"
                for status, answer in sorted(operation["responses"].items())
            ]
            lines.append("Answers: " + "; ".join(answers) + ".")
    lines += ["", "## Objects"]
    for name, schema in sorted(document["components"]["schemas"].items()):
        if "properties" in schema:
            lines += ["", f"### {name}", "", schema.get("description", ""), "", "| field | type | |", "|---|---|---|"]
            for field, of in schema["properties"].items():
                lines.append(f"| `{field}` | {_type(of)} | {_note(of, field in schema.get('required', ()))} |")
    return "\n".join(lines) + "\n"


def _parameters(parameters: list[dict[str, Any]]) -> list[str]:
    shown = [p for p in parameters if p["name"].lower() != "authorization"]
    if not shown:
        return []
    rows = [
        f"| `{p['name']}` | {p['in']} | {_type(p['schema'])} | {_note({**p['schema'], **p}, False)} |" for p in shown
    ]
    return ["| parameter | in | type | |", "|---|---|---|---|", *rows, ""]


def _objects(answer: dict[str, Any]) -> str:
    names = [
        schema["$ref"].rpartition("/")[2]
        for content in answer.get("content", {}).values()
        if "$ref" in (schema := content.get("schema", {}))
    ]
    return f" ([{names[0]}](#{names[0].lower()}))" if names and names[0] != "Problem" else ""


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(_type(part) for part in schema[union]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
    if isinstance(of := schema.get("additionalProperties"), dict) and of:
        return f"object of {_type(of)}"
    # An integer is an integer to a reader, of however many bits.
    return str((schema.get("type") != "integer" and schema.get("format")) or schema.get("type", "any"))


def _note(schema: dict[str, Any], required: bool) -> str:
    """What else there is to know: description, default, limits."""
    parts = ["required"] if required else []
    parts += [str(schema["description"])] if "description" in schema and "$ref" not in schema else []
    names = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    parts += [f"{word} {schema[name]:,}" for name, word in names.items() if schema.get(name, EXACT) != EXACT]
    default = schema.get("default")
    if isinstance(default, (str, int, float)) and default != "":
        parts.append(f"default `{str(default).lower() if isinstance(default, bool) else default}`")
    return "; ".join(parts).replace("\n", " ").replace("|", "\\|")


def kinds() -> str:
    """Every kind of the catalogue."""
    lines = [
        "# What a specification may name",
        "",
        "Made from the catalogue (`models/kinds`) by `python -m api.reference`.",
        "[The reference](api/reference.md#objects) has each field's limits;",
        "[remedies.md](remedies.md) says what they are good for, [extending.md](extending.md) how one more is added.",
    ]
    families: dict[str, Mapping[str, type[Kind]]] = {
        "Layers": LAYERS, "Regularizers": REGULARIZERS, "Constraints": CONSTRAINTS, "Optimizers": OPTIMIZERS,
        "Learning rate schedules": SCHEDULES, "Data sets": DATASETS,
    }  # fmt: skip
    for heading, family in families.items():
        lines += ["", f"## {heading}", "", "| name | | fields |", "|---|---|---|"]
        for name, kind in family.items():
            fields = ", ".join(f"`{field}`" for field in kind.model_fields if field != kind.tag)
            lines.append(f"| {f'`{name}`' if kind.tag else kind.title} | {_about(kind)} | {fields} |")
    lines += ["", "The first of a family is meant if none is named.", "", "## Tasks", ""]
    lines += ["| name | | output | loss |", "|---|---|---|---|"]
    for name, task in TASKS.items():
        lines.append(f"| `{name}` | {_about(task)} | `{task.activation}` | `keras.losses.{task.loss}` |")
    lines += ["", "## Metrics", "", "`training.metrics` asks for those that are not recorded in every epoch.", ""]
    lines += ["| name | | tasks | recorded as |", "|---|---|---|---|"]
    for name, measure in MEASURES.items():
        recorded = ", ".join(f"`{each}`" for each, metric in METRICS.items() if metric.measure is measure)
        tasks = ", ".join(f"`{each}`" for each, task in TASKS.items() if name in offered(task))
        lines.append(f"| `{name}` | {_about(measure)} | {tasks} | {recorded} |")
    lines += ["", "## Metrics of weights", "", "`training.weights` asks for them, of each layer that has a kernel.", ""]
    lines += ["| name | | recorded as |", "|---|---|---|"]
    lines += [f"| `{name}` | {_about(measure)} | `{name}.<layer>` |" for name, measure in WEIGHTS.items()]
    lines += ["", "## Axes of a sweep", "", "| name | |", "|---|---|"]
    lines += [f"| `{name}` | {_about(axis)} |" for name, axis in AXES.items()]
    return "\n".join(lines) + "\n"


def _about(kind: type) -> str:
    return (kind.__doc__ or "").partition("\n")[0].replace("|w|", "\\|w\\|")


def settings_table() -> str:
    """Every setting."""
    lines = ["| variable | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        shown = "" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        lines.append(f"| `OCKHAM_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
