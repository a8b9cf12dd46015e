"""What is wrong with a scenario, said so that its author can mend it: path, line, expected, found, hint."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headroom_common.errors import PermanentError
from headroom_common.scenario.base import PROBLEM_TYPE, describe
from headroom_common.scenario.draft import Finding, Loc
from headroom_common.scenario.introspect import Shape, child, fields_of, number_text, shape_of_model
from headroom_common.scenario.suggestions import did_you_mean, nearest

_MISSING = object()
_TYPE_WORDS = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "invalid_key": "text as a key",
}
_BOUND_WORDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        path: the place, such as `spec.servers[0].cores`; empty for the document as a whole.
        line: the line in the YAML, from 1; None when there is no YAML or an override is to blame.
        column: the column, from 1; None as above.
        expected: what would have been right.
        found: what is there.
        hint: what to do, or empty.
        override: the override to blame, as given, or empty.
    """

    path: str
    line: int | None
    column: int | None
    expected: str
    found: str
    hint: str = ""
    override: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        if self.override:
            where = f"override '{self.override}': "
        path = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}{path}expected {self.expected}, found {self.found}{hint}"


class ScenarioError(PermanentError):
    """A scenario that cannot be used, with everything that is wrong about it.

    Args:
        problems: at least one, in the order of the document.
        source: where the scenario came from, such as a file name; empty when unknown.

    Attributes:
        problems: as given, as a tuple.
        source: as given.
    """

    def __init__(self, problems: Iterable[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        title = f"{count} problem{'s' if count != 1 else ''} in {source or 'the scenario'}"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        next_step = "Mend what is listed; `headroom explain PATH` says what each field takes."
        super().__init__(f"{title}:{lines}", next_step=next_step)

    def __reduce__(self) -> tuple[type["ScenarioError"], tuple[tuple[Problem, ...], str]]:
        """Keep the problems when the error crosses a process boundary."""
        return type(self), (self.problems, self.source)


def path_text(loc: Sequence[int | str]) -> str:
    """Return *loc* as a reader writes it: `spec.servers[0].cores`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True, slots=True)
class Place:
    """A problem with the place it is about, before it has a line.

    Attributes:
        loc: keys and indexes from the document's root.
        problem: its words; `path` already filled in.
        is_key: the key itself is wrong, not its value.
        is_missing: there is nothing at the place, and something is required.
    """

    loc: Loc
    problem: Problem
    is_key: bool = False
    is_missing: bool = False


def places(error: ValidationError, model: type[BaseModel], document: object) -> list[Place]:
    """Return what pydantic found wrong with *document*, in Headroom's words.

    Args:
        error: what validating *document* raised.
        model: the model that validated it.
        document: the plain document as it was validated.
    """
    details = error.errors(include_url=False)
    parents = {line["loc"][:-1]: _keys(line["loc"][:-1], model, document) for line in details if line["loc"]}
    misspelt = {
        (line["loc"][:-1], nearest(line["loc"][-1], parents[line["loc"][:-1]]))
        for line in details
        if line["type"] == "extra_forbidden"
    }
    found: list[Place] = []
    for line in details:
        if line["type"] == "too_short" and len(line["input"]) >= line["ctx"]["min_length"]:
            continue  # the items are there, but some are wrong and reported themselves
        if line["type"] == "missing" and (line["loc"][:-1], line["loc"][-1]) in misspelt:
            continue  # the misspelt key is reported with this one as its suggestion
        if line["type"] == "extra_forbidden":
            hint = did_you_mean(line["loc"][-1], parents[line["loc"][:-1]])
            loc, _, _ = _walk(line["loc"], model, document)
            found.append(_at(loc, "a known key", f"'{loc[-1]}'", hint, is_key=True))
            continue
        tagged = line.get("ctx", {}).get("tagged", True)
        loc, shape, value = _walk(line["loc"], model, document, tagged=tagged)
        found.append(_place(line, loc, shape, line["input"] if value is _MISSING else value))
    return list(dict.fromkeys(found))


def finding_places(findings: Iterable[Finding], root: Loc = ()) -> list[Place]:
    """Return *findings*, whose places count from *root*, as problems with places in the document."""
    found = []
    for finding in findings:
        context = finding.error.context or {}
        found.append(_at((*root, *finding.loc), context["expected"], context["found"], context["hint"]))
    return found


def _at(loc: Loc, expected: str, found: str, hint: str = "", *, is_key: bool = False) -> Place:
    return Place(loc, Problem(path_text(loc), None, None, expected, found, hint), is_key)


def _walk(
    loc: Loc, model: type[BaseModel], document: object, *, tagged: bool = True
) -> tuple[Loc, Shape | None, object]:
    """Follow pydantic's *loc* through document and schema; the branch names of unions are left out.

    Returns:
        The place in the document, what it takes, and the value there (`_MISSING` when there is none).
    """
    shape: Shape | None = shape_of_model(model)
    value = document
    path: list[int | str] = []
    inside_shorthand = False
    for part in loc:
        if tagged and shape is not None and shape.kind == "union" and part in shape.members:
            shape = shape.members[str(part)]
            continue
        shape = None if shape is None else child(shape, part)
        # A shorthand such as `cpu: 2ms` has no inside for its author, so the path ends at it.
        inside_shorthand |= value is not _MISSING and not isinstance(value, dict | list)
        if not inside_shorthand:
            path.append(part)
            value = _item(value, part)
    return tuple(path), shape, _MISSING if inside_shorthand else value


def _item(value: object, part: int | str) -> object:
    if isinstance(value, dict):
        return value.get(part, _MISSING)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return _MISSING


def _keys(loc: Loc, model: type[BaseModel], document: object) -> list[str]:
    shape = _walk(loc, model, document)[1]
    return list(fields_of(shape)) if shape is not None else []


def _place(line: ErrorDetails, loc: Loc, shape: Shape | None, value: object) -> Place:
    kind = line["type"]
    context: dict[str, Any] = line.get("ctx", {})
    if kind == PROBLEM_TYPE:
        return _at(loc, context["expected"], context["found"], context["hint"])
    if kind == "missing":
        label = "" if shape is None else f" ({'mapping' if shape.kind == 'model' else shape.label})"
        return replace(_at(loc, f"this required key{label}", "nothing"), is_missing=True)
    if kind == "literal_error" and shape is not None:
        return _choice(loc, shape.choices, value)
    if kind.startswith("union_tag") and shape is not None:
        return _branch(loc, shape, value)
    return _at(loc, _expectation(kind, context, line["msg"]), describe(value), _type_hint(kind, value))


def _expectation(kind: str, context: dict[str, Any], message: str) -> str:
    """Return what pydantic's error of type *kind* expected."""
    if kind in _BOUND_WORDS:
        words, key = _BOUND_WORDS[kind]
        return f"a number {words} {number_text(context[key])}"
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    if kind == "too_long":
        return f"a list of at most {context['max_length']:,}"
    return _TYPE_WORDS.get(kind, message.lower())


def _choice(loc: Loc, choices: Sequence[str], value: object) -> Place:
    near = nearest(value, choices)
    expected = "one of " + ", ".join(choices) if len(choices) > 1 else f"'{choices[0]}'"
    shown = "nothing" if value is _MISSING else describe(value)
    return _at(loc, expected, shown, f"did you mean '{near}'?" if near else "")


def _branch(loc: Loc, shape: Shape, value: object) -> Place:
    """Say which branches of a union there are, when *value* is none of them."""
    if shape.discriminator is not None:
        tag = value.get(shape.discriminator, _MISSING) if isinstance(value, dict) else _MISSING
        return _choice((*loc, shape.discriminator), tuple(shape.members), tag)
    expected = "a mapping with exactly one of the keys " + ", ".join(shape.members)
    if not isinstance(value, dict) or not value:
        return _at(loc, expected, describe(value))
    present = [key for key in shape.members if key in value]
    keys = present or [str(key) for key in value]
    hints = [did_you_mean(key, shape.members) for key in keys if nearest(key, shape.members)]
    found = ("the keys " if len(keys) > 1 else "the key ") + ", ".join(f"'{key}'" for key in keys)
    return _at(loc, expected, found, hints[0] if hints and not present else "")


def _type_hint(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return "put it in quotes"
    if kind in ("int_type", "float_type") and isinstance(value, str) and value.strip().isdigit():
        return "write it without quotes"
    return ""
