"""The commands around a platform: what each of them takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from headroom.cli.options import BROKER, AsJson, Broker, Debug, Service, do, of_a_known_kind

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="HEADROOM_DATABASE_URL",
        help="Where analysis keeps statistics, such as postgresql+psycopg://…; by default a SQLite file.",
    ),
]
GatewayDatabase = Annotated[
    str | None,
    typer.Option(
        "--gateway-database",
        metavar="URL",
        envvar="HEADROOM_GATEWAY_DATABASE_URL",
        help="Where the gateway keeps scenarios, runs and results; by default a SQLite file.",
    ),
]


def up(  # noqa: PLR0913 - each parameter is an option of the command
    *,
    broker: Annotated[
        str | None,
        typer.Option(
            "--broker",
            metavar="URL",
            envvar=BROKER,
            show_envvar=True,
            callback=of_a_known_kind,
            help="The broker; without one all services share this process and a broker in its memory.",
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            "--redis",
            metavar="URL",
            envvar="HEADROOM_REDIS_URL",
            help="Where instances of a service share what they handled; by default each remembers its own.",
        ),
    ] = None,
    database: Database = None,
    gateway_database: GatewayDatabase = None,
    replicas: Annotated[
        list[str],
        typer.Option(
            "--replicas", metavar="SERVICE=N", help="Instances of a service; by default 1. Repeatable."
        ),
    ] = [],  # noqa: B006 - typer copies it
    port: Annotated[
        int,
        typer.Option(min=1, max=65_000, help="HTTP port of the first service behind it; the others follow."),
    ] = 8101,
    gateway_port: Annotated[
        int, typer.Option("--gateway-port", min=1, max=65_535, help="HTTP port of the gateway.")
    ] = 8100,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="The least severe log lines to show.")
    ] = "warning",
    debug: Debug = False,
) -> None:
    """Run all services of a platform on this machine until Ctrl-C, each as a process if there is a broker."""
    do(
        "up",
        debug=debug,
        broker=broker,
        redis=redis,
        database=database,
        replicas=replicas,
        gateway_database=gateway_database,
        port=port,
        gateway_port=gateway_port,
        log_level=log_level,
    )


def services(
    *,
    broker: Broker,
    wait: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds to wait for answers.")] = 2.0,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the instances of a platform's services, their states and versions."""
    do("services", debug=debug, broker=broker, wait=wait, as_json=as_json)


dead_letters = typer.Typer(
    help="Look after the events that a platform could not handle.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dead_letters.command("list")
def list_dead_letters(
    *, broker: Broker, service: Service = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """List dead letters, oldest first, with the class of what went wrong; `show` tells the reason."""
    do("dead_letters", "list_", debug=debug, broker=broker, service=service, as_json=as_json)


@dead_letters.command("show")
def show_dead_letter(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a dead letter.")],
    *,
    broker: Broker,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show a dead letter with its headers and what can be read of its body."""
    do("dead_letters", "show", debug=debug, broker=broker, event_id=event_id, as_json=as_json)


def _moving(verb: str) -> Callable[..., None]:
    """The command that moves dead letters as the verb says; both take the same."""

    def move_dead_letters(
        ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids of letters.")] = None,
        *,
        broker: Broker,
        everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
        service: Service = None,
        debug: Debug = False,
    ) -> None:
        chosen = {"verb": verb, "ids": ids or [], "everything": everything, "service": service}
        do("dead_letters", "move", debug=debug, broker=broker, **chosen)

    return move_dead_letters


for _verb, _what in (
    ("replay", "Put dead letters back into the queues that they came from, to be handled anew."),
    ("purge", "Remove dead letters for good."),
):
    dead_letters.command(_verb, help=_what)(_moving(_verb))


rollout = typer.Typer(
    help="Look at a platform on Kubernetes; that takes the right to read it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@rollout.callback()
def _rollout() -> None:
    """Have a group although there is one command in it."""


@rollout.command("status")
def rollout_status(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="Where the platform is.")
    ] = "headroom",
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="NAME", help="Of the kubeconfig; by default its current one."),
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            "--kubeconfig",
            metavar="FILE",
            help="By default KUBECONFIG's, or ~/.kube/config; in a pod its own.",
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the Deployments of the services and their pods, and why they are not as wanted."""
    chosen = {"namespace": namespace, "context": context, "kubeconfig": kubeconfig}
    do("rollout", "status", debug=debug, **chosen, as_json=as_json)
