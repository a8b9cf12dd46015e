"""The ground under every scenario model: one configuration, one way to say what is wrong, two name types."""

from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

T = TypeVar("T")

Items = Annotated[tuple[T, ...], Strict(strict=False)]
"""A YAML list, kept as an immutable tuple (the items themselves stay strict)."""

MAX_NAME_LENGTH = 63
_WHOLE_LIMIT = 2**53
PROBLEM_TYPE = "headroom_problem"


def _tidy(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) < _WHOLE_LIMIT else value


Number = Annotated[float, PlainSerializer(_tidy, return_type=int | float, when_used="json")]
"""A number that is written without a fraction when it has none."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a type is called in explanations and in the generated reference.

    Attributes:
        text: the type's name, such as "duration".
    """

    text: str


class SchemaModel(BaseModel):
    """Base of every scenario model: frozen, strict, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def describe(value: object) -> str:
    """Return *value* as a reader of the YAML would recognise it, cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value if len(value) <= MAX_NAME_LENGTH else value[: MAX_NAME_LENGTH - 1] + "…"
        return f"'{text}'"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    text = str(value) if not isinstance(value, int) or value.bit_length() < 2**10 else "a huge number"
    return text if len(text) <= MAX_NAME_LENGTH else text[: MAX_NAME_LENGTH - 1] + "…"


def fault(
    expected: str, found: object, hint: str = "", *, text: bool = False, tagged: bool = True
) -> PydanticCustomError:
    """Make the error of one field; it becomes a `Problem` with path and line.

    Args:
        expected: what would have been right, without the word "expected".
        found: the value found, or with *text* the finished words for it.
        hint: what to do about it, as a short sentence, or empty.
        text: take *found* literally.
        tagged: the place of the error will name the chosen branch of each union, as pydantic's places do.
    """
    context: dict[str, Any] = {
        "expected": expected,
        "found": str(found) if text else describe(found),
        "hint": hint,
        "tagged": tagged,
    }
    tail = " ({hint})" if hint else ""
    return PydanticCustomError(PROBLEM_TYPE, "expected {expected}, found {found}" + tail, context)


def refuse(expected: str, found: object, hint: str = "", *, text: bool = False) -> NoReturn:
    """Raise the error that `fault` makes of the same arguments, from within a validator.

    Raises:
        ValueError: always.
    """
    raise fault(expected, found, hint, text=text)


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "-_.")


def _check_name(value: str) -> str:
    if not 0 < len(value) <= MAX_NAME_LENGTH or not all(map(_is_word, value)) or not value[0].isalnum():
        expected = (
            f"a name of 1 to {MAX_NAME_LENGTH} letters, digits, '-', '_' or '.', the first a letter or digit"
        )
        refuse(expected, value)
    return value


def _check_dns_label(value: str) -> str:
    good = 0 < len(value) <= MAX_NAME_LENGTH and value[0] != "-" and value[-1] != "-"
    if not good or not all(c.isascii() and (c.islower() or c.isdigit() or c == "-") for c in value):
        slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in value.lower()).split())
        hint = f"write {slug[:MAX_NAME_LENGTH].strip('-')}" if slug else ""
        refuse("a DNS label: lower-case letters, digits and '-' inside, at most 63", value, hint)
    return value


def _check_endpoint_name(value: str) -> str:
    if not 0 < len(value) <= MAX_NAME_LENGTH or value != value.strip() or not value.isprintable():
        refuse(f"1 to {MAX_NAME_LENGTH} printable characters without blanks at the ends", value)
    return value


_NAME_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"}
_LABEL_SCHEMA = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
_ENDPOINT_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME_LENGTH,
    "pattern": "^\\S(.*\\S)?$",
}

Name = Annotated[str, AfterValidator(_check_name), WithJsonSchema(_NAME_SCHEMA), Label("name")]
"""The name of a link, router, server, pool, workload or fault."""

DnsLabel = Annotated[str, AfterValidator(_check_dns_label), WithJsonSchema(_LABEL_SCHEMA), Label("DNS label")]
"""A name that may become part of a host name or a Kubernetes object."""

EndpointName = Annotated[
    str, AfterValidator(_check_endpoint_name), WithJsonSchema(_ENDPOINT_SCHEMA), Label("endpoint name")
]
"""The name of an endpoint, such as `/api` or `GET /users`."""
