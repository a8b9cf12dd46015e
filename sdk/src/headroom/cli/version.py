"""`headroom version`: what is installed."""

import json
import platform
from importlib.metadata import version

import typer

_LIBRARIES = ("numba", "numpy", "pyarrow", "pydantic")


def execute(*, as_json: bool) -> None:
    """Print the versions, read from the installed distributions so that nothing heavy is imported."""
    found = {
        "headroom": version("headroom"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{library: version(library) for library in _LIBRARIES},
    }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"headroom {found.pop('headroom')}")
    for name, value in found.items():
        typer.echo(f"  {name:<9} {value}")
