"""YAML read with the line of every key and value, and with bounds that no document can exceed.

The events of the YAML parser are folded into a tree without recursion, so that neither deep nesting nor
aliases
that multiply (a "billion laughs" document) can exhaust the stack or the memory.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from headroom_common.scenario.base import describe
from headroom_common.scenario.draft import MAX_DEPTH, Loc
from headroom_common.scenario.problems import Problem, ScenarioError, path_text

MAX_BYTES: Final = 8 * 2**20
MAX_ALIASED_NODES: Final = 200_000
MAX_PROBLEMS: Final = 100
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """One value of the document.

    Attributes:
        line: where it starts, from 1.
        column: where it starts, from 1.
        value: a scalar's value; None for mappings and lists.
        entries: a mapping's entries: the key's node and the value's node, by key.
        items: a list's items.
        size: how many nodes it is when every alias is written out.
        depth: how many levels it has.
    """

    line: int
    column: int
    value: Any = None
    entries: dict[Any, tuple["Node", "Node"]] | None = None
    items: list["Node"] | None = None
    size: int = 1
    depth: int = 1

    def children(self) -> Iterator["Node"]:
        """Yield the values inside."""
        if self.items is not None:
            yield from self.items
        if self.entries is not None:
            yield from (value for _, value in self.entries.values())

    def plain(self) -> Any:  # noqa: ANN401 - any YAML value
        """Return the value as dicts, lists and scalars."""
        if self.entries is not None:
            return {key: value.plain() for key, (_, value) in self.entries.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.value

    def child(self, part: int | str) -> "Node | None":
        """Return the value at a key or an index, or None."""
        if self.entries is not None:
            entry = self.entries.get(part)
            return None if entry is None else entry[1]
        if self.items is not None and isinstance(part, int) and 0 <= part < len(self.items):
            return self.items[part]
        return None


@dataclass(slots=True)
class _Open:
    """A mapping or list that is still being read."""

    node: Node
    anchor: str | None
    keys: list[Node] = field(default_factory=list)
    merges: list[Node] = field(default_factory=list)
    is_merge: bool = False


def read_yaml(text: str | bytes, source: str = "") -> Node:
    """Parse one YAML document.

    Args:
        text: the document, UTF-8 when it is bytes.
        source: what errors call it.

    Raises:
        ScenarioError: it is no YAML, too large, too deep, has duplicate keys, or aliases that multiply.
    """
    size = len(text)
    if size > MAX_BYTES:
        raise _failure(source, "a document of at most 8 MiB", f"{size:,} characters or bytes")
    reader = _Reader(source)
    try:
        return reader.read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        problem = Problem("", line, column, "valid YAML", found or "something else", _syntax_hint(found))
        raise ScenarioError([problem], source) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise _failure(source, "valid YAML in UTF-8", " ".join(str(error).split())) from error


def _failure(source: str, expected: str, found: str) -> ScenarioError:
    return ScenarioError([Problem("", None, None, expected, found)], source)


def _syntax_hint(found: str) -> str:
    if "\\\\t" in found or "'\\t'" in found:
        return "YAML is indented with blanks, never with tabs"
    return ""


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= 60 else ""  # noqa: PLR2004 - a longer one talks about Python, not about the document


class _Reader:
    """Folds parser events into a tree."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.aliased = 0

    def read(self, text: str | bytes) -> Node:
        loader = _Loader(text)
        try:
            while True:
                event = loader.get_event()
                if isinstance(event, yaml.StreamEndEvent):
                    break
                self._take(loader, event)
        finally:
            loader.dispose()
        if self.problems:
            raise ScenarioError(self.problems[:MAX_PROBLEMS], self.source)
        if self.root is None:
            raise _failure(self.source, "a scenario", "an empty document")
        return self.root

    def _take(self, loader: Any, event: Any) -> None:  # noqa: ANN401 - PyYAML ships no precise types for its events
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self._fatal(line, column, "one YAML document", "another one after '---'")
        if isinstance(event, yaml.AliasEvent):
            self._add_alias(str(event.anchor), line, column)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(loader, event, Node(line, column)), event.anchor)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, Node(line, column))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()

    def _fatal(self, line: int, column: int, expected: str, found: str) -> ScenarioError:
        return ScenarioError([*self.problems, Problem("", line, column, expected, found)], self.source)

    def _complain(self, node: Node, expected: str, found: str, hint: str = "") -> None:
        self.problems.append(Problem(path_text(self._path()), node.line, node.column, expected, found, hint))

    def _path(self) -> Loc:
        path: list[int | str] = []
        for level in self.stack:
            if level.node.items is not None:
                path.append(len(level.node.items))
            elif level.keys:
                path.append(str(level.keys[-1].value))
        return tuple(path)

    def _open(self, event: Any, node: Node) -> None:  # noqa: ANN401 - as above
        if event.tag is not None and not event.implicit:
            self._complain(node, "no tag", f"the tag {event.tag}")
        if isinstance(event, yaml.MappingStartEvent):
            node.entries = {}
        else:
            node.items = []
        if len(self.stack) >= MAX_DEPTH:
            raise self._fatal(node.line, node.column, f"at most {MAX_DEPTH} levels of nesting", "more")
        self.stack.append(_Open(node, event.anchor))

    def _close(self) -> None:
        level = self.stack.pop()
        node = level.node
        for merged in level.merges:
            for key, entry in (merged.entries or {}).items():
                assert node.entries is not None  # noqa: S101 - only mappings collect merges
                node.entries.setdefault(key, entry)
        for inner in node.children():
            node.size += inner.size
            node.depth = max(node.depth, inner.depth + 1)
        self._add(node, level.anchor)

    def _add_alias(self, anchor: str, line: int, column: int) -> None:
        target = self.anchors.get(anchor)
        if target is None:
            inside = any(level.anchor == anchor for level in self.stack)
            found = (
                f"*{anchor} inside &{anchor} itself" if inside else f"*{anchor} without &{anchor} before it"
            )
            raise self._fatal(line, column, "an alias of something complete", found)
        self.aliased += target.size
        if self.aliased > MAX_ALIASED_NODES:
            expected = f"aliases that stand for at most {MAX_ALIASED_NODES:,} values"
            raise self._fatal(line, column, expected, "more")
        if len(self.stack) + target.depth > MAX_DEPTH:
            raise self._fatal(
                line, column, f"at most {MAX_DEPTH} levels of nesting", "more, through an alias"
            )
        self._add(target, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        level = self.stack[-1]
        if level.node.items is not None:
            level.node.items.append(node)
        elif level.node.entries is not None:
            self._add_to_mapping(level, level.node.entries, node)

    def _add_to_mapping(self, level: _Open, entries: dict[Any, tuple[Node, Node]], node: Node) -> None:
        if not level.keys:
            level.keys.append(node)
            return
        key = level.keys.pop()
        if level.is_merge:
            level.is_merge = False
            self._merge(level, node)
        elif key.entries is not None or key.items is not None or not isinstance(key.value, Hashable):
            self._complain(key, "a plain word as a key", "a mapping or a list")
        elif key.value in entries:
            first = entries[key.value][0]
            level.keys.append(key)  # so that the problem's path ends in it
            self._complain(key, "each key once", f"'{key.value}' again (first in line {first.line})")
            level.keys.clear()
        else:
            entries[key.value] = (key, node)

    def _merge(self, level: _Open, node: Node) -> None:
        for source in [node] if node.items is None else node.items:
            if source.entries is None:
                self._complain(source, "a mapping to merge with '<<'", describe(source.value))
            else:
                level.merges.append(source)

    def _scalar(self, loader: Any, event: Any, node: Node) -> Node:  # noqa: ANN401 - as above
        if event.tag is not None and event.tag != "!":
            self._complain(node, "no tag", f"the tag {event.tag}")
            return node
        tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        is_key = bool(self.stack) and self.stack[-1].node.entries is not None and not self.stack[-1].keys
        if tag == _MERGE_TAG and is_key:
            self.stack[-1].is_merge = True
            node.value = "<<"
            return node
        if tag == _TEXT_TAG:
            node.value = event.value
            return node
        try:
            node.value = loader.construct_object(
                yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
            )
        except (
            ValueError,
            OverflowError,
        ) as error:  # such as the 99th of a month, or a number of 5,000 digits
            self._complain(node, "a readable value", describe(event.value), _short(error))
        return node
