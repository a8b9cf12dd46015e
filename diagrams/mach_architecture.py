"""The platform as MACH: microservices, API-first, cloud-native, headless; what has no code yet is dashed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from diagrams.palette import BAND, CONTROL, DATA, INK, MUTED, PLANNED, SERVICE, SHARED, header, text
from headroom_common.contracts.registry import CONTRACTS

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 860
"""Width of every band, in points."""
GUTTER = 132
"""Width of a band's left column, which names it."""


@dataclass(frozen=True)
class Block:
    """One part of the platform.

    Attributes:
        title: its name.
        note: what it does, in a few words; lines are broken by hand.
        evidence: a path that exists once the part does; the part is drawn as planned until then.
    """

    title: str
    note: str
    evidence: str

    @property
    def built(self) -> bool:
        """Whether the part exists in this tree."""
        return (ROOT / self.evidence).exists()


@dataclass(frozen=True)
class Band:
    """A row of parts with a common name.

    Attributes:
        key: the DOT node.
        title: its name.
        note: what it stands for.
        colours: fill and line of its parts.
        blocks: the parts, from left to right.
    """

    key: str
    title: str
    note: str
    colours: tuple[str, str]
    blocks: tuple[Block, ...]


def services() -> tuple[Block, ...]:
    """Return the services that the contracts name, in the order of an event's way."""
    names = list(dict.fromkeys(name for contract in CONTRACTS.values() for name in contract.producers))
    return tuple(Block(name, service_note(name), f"microservices/{name}/pyproject.toml") for name in names)


def service_note(name: str) -> str:
    """Return what a service says of itself and how many kinds of events it takes and sends."""
    taken = sum(name in contract.consumers for contract in CONTRACTS.values())
    sent = sum(name in contract.producers for contract in CONTRACTS.values())
    return f"handlers, domain\ntakes {taken}, sends {sent}"


def version() -> str:
    """Return the members' common version."""
    project = tomllib.loads((ROOT / "common" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def bands() -> tuple[Band, ...]:
    """Return all bands from top to bottom."""
    clients = (
        Block("command line", "headroom run, validate,\nconvert, explain", "sdk/src/headroom/cli"),
        Block("Python API", "Scenario, run, builder", "sdk/src/headroom/__init__.py"),
        Block("HTML report", "one file, no network", "microservices/analysis/src/headroom_analysis/report"),
        Block("dashboard", "live in the browser", "microservices/gateway/src/headroom_gateway/web"),
    )
    interfaces = (
        Block("scenario schema", "headroom.dev/v1\nJSON Schema", "common/src/headroom_common/scenario"),
        Block(
            "event contracts",
            f"{len(CONTRACTS)} types, versioned\nCloudEvents",
            "common/src/headroom_common/contracts",
        ),
        Block("result format", "headroom.result/v1\nequal runs, equal bytes", "sdk/src/headroom/result.py"),
        Block("REST API", "OpenAPI, progress\nas server-sent events", "microservices/gateway/pyproject.toml"),
    )
    shared = (
        Block(
            "event manager",
            "inbox, retries, dead\nletters, states, drain",
            "common/src/headroom_common/event_manager",
        ),
        Block(
            "memory transport",
            "arrays by reference,\none process",
            "common/src/headroom_common/transports/memory.py",
        ),
        Block(
            "RabbitMQ transport",
            "Arrow on the wire,\nat least once",
            "common/src/headroom_common/transports/rabbitmq.py",
        ),
        Block(
            "simulation core",
            "draws, distributions,\npolicies, compiled",
            "common/src/headroom_common/simcore",
        ),
    )
    cloud = (
        Block(
            "stateless handlers",
            "state travels in events:\nany replica, any event",
            "microservices/generator",
        ),
        Block("hashed images", "one per service,\nnon-root, read-only", "microservices/generator/Dockerfile"),
        Block("Kubernetes", "probes, autoscaling,\nnetwork policies", "k8s"),
        Block("telemetry", "traces, metrics,\nstructured logs", "common/src/headroom_common/telemetry.py"),
    )
    return (
        Band("headless", "Headless", "any front end", CONTROL, clients),
        Band("api", "API-first", "what is promised\nand versioned", DATA, interfaces),
        Band("services", "Microservices", "one distribution\neach", SERVICE, services()),
        Band("shared", "Shared", "what services\nstand on", SHARED, shared),
        Band("cloud", "Cloud-native", "where it runs", CONTROL, cloud),
    )


def block_cell(block: Block, colours: tuple[str, str], width: int) -> str:
    """Return one part as a table cell."""
    fill, line = colours if block.built else PLANNED
    style = "rounded" if block.built else "rounded,dashed"
    title = text(block.title, bold=True, size=13, colour=INK if block.built else MUTED)
    note = text(block.note, size=10, colour=MUTED)
    frame = (
        f'<table border="1" cellborder="0" cellspacing="0" style="{style}" bgcolor="{fill}" color="{line}">'
    )
    return f'<td>{frame}<tr><td width="{width}" height="58">{title}<br/>{note}</td></tr></table></td>'


def band_line(band: Band) -> str:
    """Return a band as one node."""
    width = (WIDTH - GUTTER) // len(band.blocks) - 13
    name = f"{text(band.title, bold=True, size=15)}<br/>{text(band.note, size=10, colour=MUTED)}"
    cells = "".join(block_cell(block, band.colours, width) for block in band.blocks)
    frame = (
        f'<table border="0" cellborder="0" cellspacing="6" bgcolor="{BAND}" style="rounded" width="{WIDTH}">'
    )
    label = f'{frame}<tr><td width="{GUTTER}">{name}</td>{cells}</tr></table>'
    return f"  {band.key} [shape=plain, style=solid, label=<{label}>]"


def source() -> str:
    """Return the DOT source."""
    key = text("Dashed parts are planned; the others are in this repository.", size=11, colour=MUTED)
    below = f'<table border="0" cellborder="0" cellspacing="0"><tr><td>{key}</td></tr></table>'
    lines = header("mach_architecture", f"Headroom {version()} as a MACH platform", rankdir="TB", below=below)
    lines += ["  graph [ranksep=0.28]", *(band_line(band) for band in bands())]
    labels = ("a scenario goes in, a result comes out", "typed events", "publish and subscribe", "runs on")
    keys = [band.key for band in bands()]
    for above, under, label in zip(keys, keys[1:], labels, strict=False):
        direction = "forward" if under == keys[-1] else "both"
        lines.append(f'  {above} -> {under} [dir={direction}, label="  {label}"]')
    return "\n".join([*lines, "}"]) + "\n"
