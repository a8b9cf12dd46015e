"""A strict reader of HTML pages: every element that opens must close, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Node:
    """An element with its attributes, its own text and its children."""

    tag: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the element and of all below it, in order, spaces joined."""
        return " ".join("".join(self.pieces).split())

    @property
    def classes(self) -> list[str]:
        """The element's classes."""
        return self.attributes.get("class", "").split()

    def all(self, tag: str = "", **attributes: str) -> list[Node]:
        """The elements below with the given tag and attributes, in document order."""
        return [
            node
            for node in self.walk()
            if (not tag or node.tag == tag)
            and all(
                node.attributes.get(key.strip("_").replace("_", "-")) == value
                for key, value in attributes.items()
            )
        ]

    def walk(self) -> Iterator[Node]:
        """Every element below, in document order."""
        for child in self.children:
            yield child
            yield from child.walk()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in _VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for node in self.open:
            node.pieces.append(data)


def read(page: str) -> Node:
    """Read a page.

    Raises:
        AssertionError: an element is not closed, or closed out of order.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is never closed"
    return reader.root


def table(page: Node, caption: str) -> list[list[str]]:
    """The texts of the table with the given caption, heading row first."""
    found = [node for node in page.all("table") if node.all("caption")[0].text == caption]
    assert len(found) == 1, f"{len(found)} tables with the caption {caption!r}"
    return [[cell.text for cell in row.children if cell.tag in {"th", "td"}] for row in found[0].all("tr")]


def captions(page: Node) -> list[str]:
    """The captions of all tables, in order."""
    return [node.text for node in page.all("caption")]


def section(page: Node, heading: str) -> Node:
    """The section labelled by the heading with the given id."""
    return page.all("section", aria_labelledby=heading)[0]
