"""`headroom rollout status`: how a platform's Deployments on Kubernetes are, and what keeps them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headroom.cli.consoles import consoles, print_json
from headroom.cli.guard import FAILED, PASS
from headroom.cli.imports import many_imports
from headroom.cli.looks import section
from headroom.cli.pods import Pod
from headroom.cli.rollouts import Autoscaler, Rollout, RolloutState, missing, rollouts_of

_STYLES = {RolloutState.COMPLETE: "green", RolloutState.FAILED: "red"}
_WIDE = 120
_AGES = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def status(*, namespace: str, context: str | None, kubeconfig: Path | None, as_json: bool) -> int:
    """Print the Deployments and their pods; the exit status tells whether all are as wanted."""
    with many_imports():
        from headroom.cli.kubernetes_reading import read_cluster  # noqa: PLC0415 - takes long to import

    objects = read_cluster(namespace, context=context, kubeconfig=kubeconfig)
    rollouts = rollouts_of(objects, datetime.now(UTC))
    absent = missing(rollouts)
    if as_json:
        print_json({"namespace": namespace, "rollouts": [asdict(one) for one in rollouts], "missing": absent})
    else:
        page, remarks = consoles()
        _print(page, rollouts)
        if absent:
            remarks.print(Text(f"missing: {', '.join(absent)}", "red"), soft_wrap=True)
    return PASS if not absent and all(one.as_wanted for one in rollouts) else FAILED


def _print(page: Console, rollouts: Sequence[Rollout]) -> None:
    table = section("Deployment")
    is_wide = page.width >= _WIDE
    images = ("image",) if is_wide else ()
    for column in ("state", "ready", "updated", "restarts", "age", "version", *images, "autoscaler"):
        table.add_column(column)
    for one in rollouts:
        table.add_row(
            one.service,
            Text(one.state.value, _STYLES.get(one.state, "yellow")),
            f"{one.ready}/{one.desired}",
            f"{one.updated}/{one.desired}",
            str(one.restarts),
            age(one.age),
            one.version,
            *((one.image,) if is_wide else ()),
            _scaling(one.autoscaler),
        )
    page.print(table)
    for one in rollouts:
        for reason in (one.reason, one.autoscaler.reason if one.autoscaler else ""):
            if reason:
                page.print(Text.assemble((f"{one.service}: ", "bold"), reason), soft_wrap=True)
    page.print()
    page.print(_pods([pod for one in rollouts for pod in one.pods]))


def _pods(pods: Sequence[Pod]) -> Table:
    table = section("Pod")
    for column in ("state", "restarts", "age", "start", "node"):
        table.add_column(column)
    for pod in pods:
        state = Text(pod.state, "green" if pod.state == "ready" else "yellow")
        start = "" if pod.start is None else age(pod.start)
        table.add_row(pod.name, state, str(pod.restarts), age(pod.age), start, pod.node)
    return table


def _scaling(autoscaler: Autoscaler | None) -> str:
    if autoscaler is None:
        return ""
    return f"{autoscaler.least} to {autoscaler.most}, wants {autoscaler.wanted}"


def age(seconds: float) -> str:
    """Return a time in the largest unit that it holds one of, such as ``3 h``."""
    for size, unit in _AGES:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return "0 s"
