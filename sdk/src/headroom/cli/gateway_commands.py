"""The commands of a gateway's users: what each of them takes."""

from typing import Annotated, Literal
from uuid import UUID

import typer

from headroom.cli.options import AsJson, Debug, Gateway, Insecure, Outputs, Quiet, do

RunId = Annotated[UUID, typer.Argument(metavar="ID", help="Id of a run, as `headroom runs list` shows it.")]

runs = typer.Typer(help="Look after the runs of a gateway.", no_args_is_help=True, rich_markup_mode=None)
keys = typer.Typer(
    help="Look after the API keys of a gateway; that takes the scope admin.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def login(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The gateway, such as https://headroom.example.org.")
    ],
    *,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="-", help="- reads the key from stdin; by default it is asked for."),
    ] = None,
    insecure: Insecure = False,
    debug: Debug = False,
) -> None:
    """Check a key at a gateway and keep both for the commands `runs` and `keys` and for the Python client."""
    do("login", "login", debug=debug, url=url, key=key, insecure=insecure)


def logout(*, debug: Debug = False) -> None:
    """Forget the gateway and the key of `login`."""
    do("login", "logout", debug=debug)


@runs.command("list")
def list_runs(
    *,
    state: Annotated[
        Literal["queued", "running", "cancelling", "completed", "failed", "cancelled"] | None,
        typer.Option("--state", help="Those in this state."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    gateway: Gateway = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List runs, newest first."""
    chosen = {"state": state, "limit": limit, "as_json": as_json}
    do("runs", "list_", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@runs.command("get")
def get_run(
    run_id: RunId,
    *,
    outputs: Outputs = [],  # noqa: B006 - typer copies it
    gateway: Gateway = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a run and, when it has one, its result."""
    chosen = {"run_id": run_id, "outputs": outputs, "as_json": as_json}
    do("runs", "get", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@runs.command("watch")
def watch_run(
    run_id: RunId,
    *,
    outputs: Outputs = [],  # noqa: B006 - typer copies it
    gateway: Gateway = None,
    insecure: Insecure = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show how a run comes on, then its result; ends as `headroom run` does. Ctrl-C leaves the run alone."""
    chosen = {"run_id": run_id, "outputs": outputs, "quiet": quiet}
    do("runs", "watch", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@runs.command("cancel")
def cancel_run(
    run_id: RunId, *, gateway: Gateway = None, insecure: Insecure = False, debug: Debug = False
) -> None:
    """Stop a run; the trials that are done are kept as a partial result."""
    do("runs", "cancel", debug=debug, gateway=gateway, insecure=insecure, run_id=run_id)


@runs.command("delete")
def delete_run(
    run_id: RunId, *, gateway: Gateway = None, insecure: Insecure = False, debug: Debug = False
) -> None:
    """Delete a run that has ended, and its result."""
    do("runs", "delete", debug=debug, gateway=gateway, insecure=insecure, run_id=run_id)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    *,
    scope: Annotated[
        Literal["read", "run", "admin"],
        typer.Option("--scope", help="What it allows; each scope allows what stands before it, too."),
    ] = "run",
    expires_in_days: Annotated[
        int | None,
        typer.Option("--expires-in-days", min=1, max=3650, help="By default it never ends."),
    ] = None,
    gateway: Gateway = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a key; it is printed on stdout, this once."""
    chosen = {"name": name, "scope": scope, "expires_in_days": expires_in_days, "as_json": as_json}
    do("keys", "create", debug=debug, gateway=gateway, insecure=insecure, **chosen)


@keys.command("list")
def list_keys(
    *, gateway: Gateway = None, insecure: Insecure = False, as_json: AsJson = False, debug: Debug = False
) -> None:
    """List the keys, without what is secret of them."""
    do("keys", "list_", debug=debug, gateway=gateway, insecure=insecure, as_json=as_json)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a key, as `keys list` shows it.")],
    *,
    gateway: Gateway = None,
    insecure: Insecure = False,
    debug: Debug = False,
) -> None:
    """End a key for good."""
    do("keys", "revoke", debug=debug, gateway=gateway, insecure=insecure, key_id=key_id)
