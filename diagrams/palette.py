"""The common look of all diagrams, and the few lines of DOT that each of them repeats."""

from __future__ import annotations

import html
from typing import Final

FONT: Final = "Helvetica,Arial,sans-serif"
INK: Final = "#172033"
MUTED: Final = "#5b6678"
PAPER: Final = "#ffffff"
BAND: Final = "#f4f6fa"
SERVICE: Final = ("#e3edff", "#2f62c8")
DATA: Final = ("#fff1dc", "#b45309")
CONTROL: Final = ("#e9f7ef", "#1b7f4d")
SHARED: Final = ("#f0eafc", "#6b46c1")
PLANNED: Final = ("#ffffff", "#9aa5b5")
"""Pairs of fill and line: what a colour means is the same in every diagram."""


def text(value: str, *, size: int = 0, colour: str = "", bold: bool = False) -> str:
    """Return escaped text for an HTML-like label, in the given size (points), colour and weight."""
    escaped = html.escape(value).replace("\n", "<br/>")
    if bold:
        escaped = f"<b>{escaped}</b>"
    attributes = (f' point-size="{size}"' if size else "") + (f' color="{colour}"' if colour else "")
    return f"<font{attributes}>{escaped}</font>" if attributes else escaped


def node(key: str, label: str, colours: tuple[str, str], **attributes: str) -> str:
    """Return a node's line; `label` is HTML-like, `colours` are fill and line."""
    more = "".join(f', {name}="{value}"' for name, value in attributes.items())
    return f'  {key} [label=<{label}>, fillcolor="{colours[0]}", color="{colours[1]}"{more}]'


def header(name: str, title: str, *, rankdir: str, below: str = "") -> list[str]:
    """Return the opening lines of a graph in the common look.

    Args:
        name: the graph's name.
        title: stands on top.
        rankdir: direction of the arrows, ``TB`` or ``LR``.
        below: an HTML-like table under the title.
    """
    heading = f'<tr><td cellpadding="8">{text(title, bold=True, size=18)}</td></tr>'
    under = f'<tr><td>{below}</td></tr><tr><td height="14"></td></tr>' if below else ""
    label = f'<table border="0" cellborder="0" cellspacing="0">{heading}{under}</table>'
    font = f'fontname="{FONT}", fontcolor="{INK}"'
    return [
        "// Written by `make diagrams`: change diagrams/*.py, not this file.",
        f"digraph {name} {{",
        f'  graph [{font}, rankdir={rankdir}, bgcolor="{PAPER}", pad=0.3, labelloc=t]',
        f"  label=<{label}>",
        f'  node [{font}, fontsize=12, shape=box, style="rounded,filled", penwidth=1.4]',
        f'  edge [{font}, fontsize=10, fontcolor="{MUTED}", color="{MUTED}", penwidth=1.4, arrowsize=0.8]',
    ]


def key(name: str) -> str:
    """Return an identifier that DOT takes without quotes."""
    return name.replace("-", "_").replace("/", "_")


def note(value: str) -> str:
    """Return small, muted text, its lines under one another."""
    return text(value, size=11, colour=MUTED)


def box(name: str, title: str, *notes: str, colours: tuple[str, str]) -> str:
    """Return a node with a title and small text below it."""
    lines = [text(title, bold=True, size=15), *(note(one) for one in notes)]
    rows = "".join(f"<tr><td>{line}</td></tr>" for line in lines)
    label = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{rows}</table>'
    return node(key(name), label, colours, margin="0.13,0.08")


def facts(name: str, title: str, rows: list[tuple[str, str]]) -> str:
    """Return a dashed node that lists what holds everywhere."""
    cells = "".join(
        f'<tr><td align="left">{text(what, bold=True, size=11)}</td><td align="left">{note(told)}</td></tr>'
        for what, told in rows
    )
    heading = f'<tr><td colspan="2" align="left">{text(title, bold=True, size=13)}</td></tr>'
    table = f'<table border="0" cellborder="0" cellspacing="2" cellpadding="1">{heading}{cells}</table>'
    return node(key(name), table, PLANNED, style="rounded,filled,dashed")


def zone(name: str, title: str, lines: list[str], *, fill: str = "") -> list[str]:
    """Return a frame around nodes, dashed or filled."""
    look = f'style="rounded,filled", fillcolor="{fill}"' if fill else 'style="rounded,dashed"'
    label = text(title, bold=True, size=13, colour=MUTED)
    frame = f'  graph [label=<{label}>, labeljust=l, {look}, color="{MUTED}", margin=14]'
    return [f"  subgraph cluster_{name} {{", frame, *lines, "  }"]
