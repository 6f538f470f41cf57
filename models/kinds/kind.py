"""What every kind has, and how the kinds of a family are found and joined."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Rate = Annotated[float, Field(ge=0, lt=1)]
Moment = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
MAX_SEED = 2**32 - 1
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Penalty = Annotated[float, Field(ge=0, le=1e6)]


def among(names: Collection[str], what: str) -> Callable[[str], str]:
    """A validator that takes one of `names` alone; its error lists them, `what` being the beginning of its sentence."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"{what} are: {', '.join(names)}")
        return name

    return check


class Model(BaseModel):
    """Frozen and strict: unknown fields, numbers as text and non-finite numbers are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _require_tag(schema: dict[str, Any], kind: type[Kind]) -> None:
    if kind.tag and not kind.unnamed:
        schema["properties"][kind.tag].pop("default", None)
        schema["required"] = [kind.tag, *(name for name in schema.get("required", ()) if name != kind.tag)]


class Kind(Model):
    """One thing that a specification may name. Its fields are what can be said of it; the docstring's first line,
    what people read of it.

    tag: the field whose constant value is the kind's name; "" in a family whose kinds are told apart by their fields.
    unnamed: whether an object without the tag is taken for it; of a family's kinds one may be, or none.
    title: what people call it. place: kinds are listed by place, then by name; the first is the family's default.
    starts: what a form begins with when a field has no default, or one that is rarely wanted. Every field without
    a default is in it: `example` is made of it. main: the fields that a form shows first.
    """

    model_config = ConfigDict(json_schema_extra=_require_tag)

    tag: ClassVar[str] = ""
    unnamed: ClassVar[bool] = False
    title: ClassVar[str]
    place: ClassVar[int] = 100
    starts: ClassVar[Mapping[str, Any]] = {}
    main: ClassVar[Collection[str]] = ()

    @classmethod
    def kind(cls) -> str:
        """Its name in specifications."""
        return str(cls.model_fields[cls.tag].default) if cls.tag else cls.__name__


class KerasKind(Kind):
    """A kind that Keras has: `keras` is its class's path below `keras`, its fields are the class's arguments."""

    keras: ClassVar[str]

    def arguments(self) -> dict[str, Any]:
        """What Keras's class is called with; values that are kinds themselves stand for Keras's objects."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != self.tag}

    def in_keras(self) -> dict[str, Any]:
        """`{"class", "arguments"}` as JSON: Keras's object for a program that knows nothing of kinds."""
        arguments = {
            name: value.in_keras() if isinstance(value, KerasKind) else value
            for name, value in self.arguments().items()
        }
        return {"class": self.keras, "arguments": arguments}


class Listed(Protocol):
    """A class that a family lists."""

    place: ClassVar[int]

    @classmethod
    def kind(cls) -> str: ...


L = TypeVar("L", bound=Listed)
K = TypeVar("K", bound=Kind)


def discover(package: str, path: Iterable[str], base: type[L]) -> dict[str, type[L]]:
    """The kinds below `base` in the modules of `package`, by name, in the order in which they are listed.

    Raises TypeError if two have the same name.
    """
    found: list[type[L]] = []
    for module in pkgutil.iter_modules(path):
        members = vars(importlib.import_module(f"{package}.{module.name}")).values()
        found += [
            each
            for each in members
            if isinstance(each, type) and issubclass(each, base) and each.__module__ == f"{package}.{module.name}"
        ]
    kinds = {kind.kind(): kind for kind in sorted(found, key=lambda kind: (kind.place, kind.kind()))}
    if len(kinds) < len(found):
        raise TypeError(f"Two kinds in {package} have the same name: {', '.join(sorted(k.kind() for k in found))}")
    return kinds


def default(kinds: Mapping[str, type[K]]) -> K:
    """The kind that is meant if none is named, with its fields' defaults."""
    return next(iter(kinds.values())).model_validate({})


def _undiscriminated(schema: dict[str, Any]) -> None:
    """OpenAPI's discriminator is a required field: where it may be left out, clients go by the whole schema."""
    del schema["discriminator"]


def unnamed(kinds: Mapping[str, type[Kind]]) -> str:
    """The name of the kind that an object without a name is taken for."""
    return next(name for name, kind in kinds.items() if kind.unnamed)


def any_of(kinds: Mapping[str, type[Kind]]) -> Any:
    """The type of a field that holds any one of `kinds`, told apart by their tag or by the fields they have."""
    members = tuple(kinds.values())
    if len(members) == 1:
        return members[0]
    if tag := members[0].tag:
        undiscriminated = _undiscriminated if any(kind.unnamed for kind in members) else None
        return Annotated[Union[members], Field(discriminator=tag, json_schema_extra=undiscriminated)]  # noqa: UP007

    def fitting(value: Any) -> str:
        """The kind that knows the most of the object's fields."""
        if isinstance(value, Kind):
            return value.kind()
        given = set(value) if isinstance(value, Mapping) else set()
        return max(kinds, key=lambda name: len(given & kinds[name].model_fields.keys()))

    tagged = tuple(Annotated[kind, Tag(name)] for name, kind in kinds.items())
    return Annotated[Union[tagged], Discriminator(fitting)]  # noqa: UP007
