"""Requests' bodies in which nothing is passed over in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

MAX_SHOWN_NAME = 60


class StrictBody(BaseModel):
    """A body, or a part of one, in which a field that is not served is refused by its name.

    `null` is the same as leaving a field out.

    Attributes:
        neutral: fields that are not served, each with the values that ask for nothing. Some
            clients send every field that there is.
        tolerated: fields that known clients send and that change nothing here.
    """

    model_config = ConfigDict(extra="ignore")

    neutral: ClassVar[Mapping[str, tuple[object, ...]]] = {}
    tolerated: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_is_not_served(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = {name: value for name, value in data.items() if value is not None}
        for name, value in given.items():
            if name in cls.model_fields or name in cls.tolerated:
                continue
            allowed = cls.neutral.get(name, ())
            if value in allowed:
                continue
            # "served only as 0" says something, "served only as ''" does not.
            is_number = bool(allowed) and isinstance(allowed[0], int | float)
            what = f"served only as {str(allowed[0]).lower()}" if is_number else "not served here"
            raise PydanticCustomError(
                "not_served",
                "'{name}' is {what}. Leave it out",
                {"name": shown_name(str(name)), "what": what},
            )
        return given


def shown_name(name: str) -> str:
    """A name that a client made up, short, and without what cannot be put into an answer."""
    return name[:MAX_SHOWN_NAME].encode("ascii", "backslashreplace").decode("ascii")
