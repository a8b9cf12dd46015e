"""The command line and the Python client at the gateway of a platform, as their users meet them."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from headroom_platforms.backends import Backend
from headroom_platforms.commands import HEADROOM, PATIENCE, CommandLine, ready
from headroom_platforms.platforms import free_ports
from headroom_servers.processes import wait_until
from headroom_servers.proxy import Proxy

import headroom
from headroom.client import Client, GatewayRefusedError, RunState
from headroom_gateway.representations import ClonedRun, Scope

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "examples" / "single-server.yaml"
ADMIN = "the-administrator-of-these-tests-0123456789"
OPTIONS = ("-n", "3", "--seed", "7", "--set", "spec.horizon=60s")
LONG = "20000"


@dataclass(frozen=True)
class Place:
    """A platform in one process, whose gateway asks for keys.

    Attributes:
        port: of its gateway.
        user: a command line that has the administrator's key.
        folder: of the user.
    """

    port: int
    user: CommandLine
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port = tmp_path_factory.mktemp("place"), free_ports(5)
    settings = {"HEADROOM_AUTHENTICATION__MODE": "on", "HEADROOM_AUTHENTICATION__ADMIN_KEY": ADMIN}
    log = folder / "up.log"
    with ready(CommandLine(settings, folder).up(log, port), log):
        known = {"HEADROOM_GATEWAY": f"http://127.0.0.1:{port}", "HEADROOM_KEY": ADMIN}
        yield Place(port, CommandLine(known, folder), folder)


@pytest.fixture
async def client(place: Place) -> AsyncIterator[Client]:
    async with Client(place.url, ADMIN) as made:
        yield made


def embedded(folder: Path, *options: str) -> dict[str, bytes]:
    """What a run in one process writes, by suffix."""
    return files(CommandLine({}, folder), folder / "embedded", *options)


def files(user: CommandLine, folder: Path, *options: str) -> dict[str, bytes]:
    folder.mkdir()
    paths = [folder / f"result{suffix}" for suffix in (".json", ".html", ".parquet")]
    outputs = [word for path in paths for word in ("-o", str(path))]
    user("run", str(SCENARIO), *OPTIONS, *options, *outputs)
    return {path.suffix: path.read_bytes() for path in paths}


def test_a_run_at_the_gateway_is_the_embedded_run_to_the_byte(place: Place, tmp_path: Path) -> None:
    here = embedded(tmp_path)
    assert files(place.user, tmp_path / "there", "--no-cache") == here
    assert files(place.user, tmp_path / "again") == here
    assert "the result of an equal run" in place.user("run", str(SCENARIO), *OPTIONS)
    listed = json.loads(place.user("runs", "list", "--json", "--limit", "2"))
    assert [run["result"]["cached"] for run in listed] == [True, True]
    fetched = tmp_path / "fetched.json"
    assert "PASS" in place.user("runs", "get", listed[0]["id"], "-o", str(fetched))
    assert fetched.read_bytes() == here[".json"]


def test_an_exit_status_is_the_verdict_there_as_here(place: Place) -> None:
    missed = ("--set", "spec.objectives=[latency.p99 below 1ms]")
    place.user("run", str(SCENARIO), *OPTIONS, *missed, status=1)
    run = json.loads(place.user("runs", "list", "--json", "--limit", "1"))[0]
    assert "MISS" in place.user("runs", "watch", run["id"], status=1)
    place.user("run", str(SCENARIO), "--set", "spec.horizon=nonsense", status=2)
    assert "requests" in place.user("run", str(SCENARIO), "--set", "spec.horizon=720h", status=3)


async def test_the_client_does_all_that_the_gateway_does(place: Place, client: Client) -> None:
    stored = await client.scenarios.create(SCENARIO)
    assert stored.id in [one.id async for one in client.scenarios.list()]
    assert (await client.scenarios.get(stored.id)).document == stored.document

    more = ["spec.servers[app].cores=2"]
    run = await client.runs.submit(scenario_id=stored.id, overrides=more, trials=3, fresh=True)
    told = [event async for event in client.runs.follow(run.id)]
    assert [event.sequence for event in told] == sorted({event.sequence for event in told})
    assert told[-1].state is RunState.COMPLETED
    again = [event async for event in client.runs.follow(run.id, after=told[-1].sequence)]
    assert again == []
    assert (await client.runs.wait(run.id)).state is RunState.COMPLETED

    result = await client.result(run.id)
    scenario = headroom.load_scenario(SCENARIO, overrides=more).scenario
    alone = await headroom.run_async(scenario, trials=3)
    assert result.to_json() == alone.to_json()
    assert "<html" in await client.report(run.id)
    assert (await client.parquet(run.id))[:4] == b"PAR1"
    assert (await client.summary(run.id, points=5))["verdict"] == result.verdict

    other = await client.runs.clone(run.id, ClonedRun(overrides=["spec.servers[app].cores=4"]))
    assert (await client.runs.wait(other.id)).clone_of == run.id
    assert (await client.compare(run.id, other.id))["format"] == "headroom.comparison/v1"
    listed = [one.id async for one in client.runs.list(state=RunState.COMPLETED, limit=2)]
    assert listed == [other.id, run.id]

    await client.runs.delete(other.id)
    with pytest.raises(GatewayRefusedError) as caught:
        await client.runs.get(other.id)
    assert caught.value.kind == "not-found"
    services = await client.services()
    assert {one.name for one in services.services if one.working} >= {"generator", "analysis"}
    assert (await client.explain("spec.horizon"))["path"] == "spec.horizon"
    assert place.url == client.url


def test_the_program_of_the_page_works(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "python-api.md").read_text(encoding="utf-8")
    program = next(part for part in page.split("```python\n") if "async with Client()" in part).partition(
        "```"
    )[0]
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HEADROOM_GATEWAY", place.url)
    monkeypatch.setenv("HEADROOM_KEY", ADMIN)
    exec(compile(program, "python-api.md", "exec"), {})  # noqa: S102 - our own documentation
    shown = capsys.readouterr().out
    assert "completed" in shown
    assert "headroom.comparison/v1" in shown


def started(place: Place, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own command
        [HEADROOM, *arguments],
        env=place.user.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def the_run(client: Client, name: str) -> UUID:
    """Return the run of the scenario of this name, once it makes progress."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async for run in client.runs.list(limit=1):
                if run.scenario_name == name and run.progress is not None and run.progress.trials_done:
                    return run.id
            await asyncio.sleep(0.1)


async def test_ctrl_c_cancels_the_run_within_seconds(place: Place, client: Client, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    named = ("--set", "metadata.name=interrupted")
    process = started(place, "run", str(SCENARIO), "-n", LONG, "-o", str(target), *named)
    run_id = await the_run(client, "interrupted")
    watcher = started(place, "runs", "watch", str(run_id))
    process.send_signal(signal.SIGINT)
    _, said = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
    assert process.returncode == 130, said
    assert "nothing was written" in said
    assert f"headroom runs get {run_id}" in said
    assert not target.exists()
    run = await client.runs.wait(run_id)
    assert run.state is RunState.CANCELLED
    assert run.result is not None
    assert run.result.partial
    _, watched = await asyncio.to_thread(watcher.communicate, timeout=PATIENCE)
    assert (watcher.returncode, "found it cancelled" in watched) == (3, True), watched
    assert "partial" in place.user("runs", "get", str(run_id))
    assert "is deleted" in place.user("runs", "delete", str(run_id))


async def test_a_run_is_cancelled_from_python_by_cancelling_its_task(place: Place, client: Client) -> None:
    scenario = headroom.load_scenario(SCENARIO, overrides=["metadata.name=dropped"]).scenario
    os.environ["HEADROOM_KEY"] = ADMIN
    try:
        task = asyncio.create_task(headroom.run_async(scenario, trials=int(LONG), gateway=place.url))
        run_id = await the_run(client, "dropped")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        del os.environ["HEADROOM_KEY"]
    assert (await client.runs.wait(run_id)).state is RunState.CANCELLED


def test_keys_open_what_they_are_for(place: Place, tmp_path: Path) -> None:
    stranger = CommandLine({}, tmp_path)

    def login(key: str, status: int = 0) -> str:
        done = subprocess.run(  # noqa: S603 - our own command
            [HEADROOM, "login", place.url, "--key", "-"],
            env=stranger.environment,
            input=key,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stderr

    assert "found no gateway" not in login("hr_wrong", status=3)
    assert "expected its URL" in stranger("runs", "list", status=2)
    assert "HEADROOM_KEY" in stranger("runs", "list", "--gateway", place.url, status=3)

    made = json.loads(place.user("keys", "create", "reader", "--scope", Scope.READ.value, "--json"))
    assert "logged in" in login(made["secret"])
    stranger("runs", "list")
    assert "scope" in stranger("run", str(SCENARIO), "--gateway", place.url, status=3)
    assert "scope" in stranger("keys", "list", status=3)
    assert made["id"] in place.user("keys", "list")
    place.user("keys", "revoke", made["id"])
    wait_until(lambda: _refused(stranger), within=30, what="the end of a revoked key")
    assert made["secret"] not in (place.folder / "up.log").read_text()
    assert ADMIN not in (place.folder / "up.log").read_text()


def _refused(user: CommandLine) -> bool:
    try:
        user("runs", "list", status=3)
    except AssertionError:
        return False
    return True


async def test_a_connection_that_breaks_again_and_again_hides_nothing(place: Place) -> None:
    with Proxy(place.port) as proxy:
        async with Client(f"http://127.0.0.1:{proxy.port}", ADMIN) as client:
            run = await client.runs.submit(SCENARIO, trials=400, fresh=True)
            seen: list[int] = []
            async with aclosing(client.runs.follow(run.id)) as news:
                async for event in news:
                    seen.append(event.sequence)
                    if len(seen) % 3 == 0:
                        await asyncio.to_thread(proxy.cut)
            assert event.state is RunState.COMPLETED
            assert seen == sorted(set(seen))
            assert (await client.result(run.id)).trials == 400


async def test_runs_outlive_a_platform_in_one_process(tmp_path: Path) -> None:
    port, log = free_ports(5), tmp_path / "up.log"
    user = CommandLine({}, tmp_path)
    scenario = headroom.load_scenario(SCENARIO).scenario
    async with Client(f"http://127.0.0.1:{port}", "") as client:
        with ready(user.up(log, port), log, killed=True) as up:
            run = await client.runs.submit(scenario, trials=200)
            async with aclosing(client.runs.follow(run.id)) as news:
                async for event in news:
                    if event.progress is not None:
                        up.kill()
                        break
        with ready(user.up(log, port), log):
            assert (await client.runs.wait(run.id)).state is RunState.COMPLETED
            there = (await client.result(run.id)).to_json()
    assert there == (await headroom.run_async(scenario, trials=200)).to_json()


async def test_a_gateway_that_is_killed_is_followed_on_when_it_is_back(
    backend: Backend, tmp_path: Path
) -> None:
    port, log = free_ports(5), tmp_path / "up.log"
    user = CommandLine(backend.environment, tmp_path)
    with ready(user.up(log, port), log) as up:
        async with Client(f"http://127.0.0.1:{port}", "") as client:
            scenario = headroom.load_scenario(SCENARIO).scenario
            run = await client.runs.submit(scenario, trials=200)
            killed = False
            async with aclosing(client.runs.follow(run.id)) as news:
                async for event in news:
                    if not killed and event.progress is not None:
                        os.kill(_gateway(up.pid), signal.SIGKILL)
                        killed = True
            assert killed
            assert event.state is RunState.COMPLETED
            there = (await client.result(run.id)).to_json()
    assert there == (await headroom.run_async(scenario, trials=200)).to_json()


def _gateway(up: int) -> int:
    """Return the id of the gateway's process, which `headroom up` has started."""
    children = Path(f"/proc/{up}/task/{up}/children").read_text().split()
    names = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children}
    return next(child for child, name in names.items() if "headroom_gateway" in name)
