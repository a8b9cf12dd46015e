"""A service as a process: HTTP first, then the broker; on a signal an orderly end, each step within a time.

Start: HTTP answers before the broker is reached, however long that takes. End, on SIGTERM or SIGINT: not
ready any more, a grace for load balancers, no more events, what is in hand finished, the event manager
stopped, HTTP closed, threads ended. A second signal ends the process at once; nothing is lost even then, for
what is in hand is handled again, here or elsewhere.
"""

import argparse
import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType, MappingProxyType
from typing import Any, Final

from headroom_common import telemetry
from headroom_common.allocator import keep_freed_memory
from headroom_common.errors import HeadroomError, TransientError
from headroom_common.event_manager.inbox import Inbox
from headroom_common.logs import Log
from headroom_common.service.composition import compose
from headroom_common.service.definition import Service
from headroom_common.service.http import Farewell, HttpServer, ListenError, listen
from headroom_common.service.settings import BAD_SETTINGS, ServiceSettings, SettingsT, load
from headroom_common.service.threads import in_thread
from headroom_common.transports.port import Transport

FAILED: Final = 1
"""Exit status of a process that could not start, or that a failure ended."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_BY_SIGNAL: Final = 128  # What shells add to the number of the signal that ended a process.
_log = Log(__name__)


def main(
    build: Callable[[SettingsT], Service],
    settings: type[SettingsT],
    commands: Mapping[str, Callable[[SettingsT], None]] = MappingProxyType({}),
) -> None:
    """Run a service with the settings of the environment until a signal ends it, or a command of its.

    Does not return: the process ends with status 0 after an orderly end, 1 after a failure, 2 when the
    settings or arguments are not valid.

    Args:
        build: puts the service together.
        settings: its settings.
        commands: what the process can do instead, by the word on its command line.
    """
    # A container's first process has no default for a signal: until the service takes it, it would be lost.
    signal.signal(signal.SIGTERM, _end_at_once)
    command = _command(build.__module__.partition(".")[0], commands)
    loaded = load(settings)
    telemetry.configure(log_format=loaded.log_format, level=loaded.log_level)
    telemetry.adopt_standard_logging(loaded.log_level)
    keep_freed_memory()
    code = 0
    try:
        if command is None:
            code = _serve(build(loaded), loaded)
        else:
            commands[command](loaded)
    except HeadroomError as error:
        what = "service cannot start" if command is None else f"{command} failed"
        _log.error(what, reason=error.message, next_step=error.next_step)
        # What can never be put together was not asked for rightly; a taken address may be free the next time.
        passing = isinstance(error, TransientError | ListenError)
        code = FAILED if passing else BAD_SETTINGS
    # Not sys.exit: a handler that is still computing would keep the process beyond its time.
    os._exit(code)


def _command(package: str, commands: Mapping[str, Any]) -> str | None:
    """Return the command that was asked for, None for the service itself."""
    about = "Run the service until a signal ends it."
    parser = argparse.ArgumentParser(f"python -m {package}", description=about)
    if commands:
        parser.add_argument("command", nargs="?", choices=list(commands), help="what to do instead")
    chosen: str | None = getattr(parser.parse_args(), "command", None)
    return chosen


def _serve(service: Service, settings: ServiceSettings) -> int:
    process = Process(service, settings)
    # Modules and schemas stay. A collector that walks through them again and again stops the event loop
    # for a tenth of a second each time.
    gc.collect()
    gc.freeze()
    return asyncio.run(process.run())


def _end_at_once(number: int, _: FrameType | None) -> None:
    os._exit(_BY_SIGNAL + number)


class Process:
    """One instance of a service, from its start to its end.

    Args:
        service: the service.
        settings: its settings.
        transport: a connection of its own; None opens the one that the settings say.
        inbox: its inbox; None opens the one that the settings say.

    Raises:
        ListenError: the address of its HTTP interface is taken.
    """

    def __init__(
        self,
        service: Service,
        settings: ServiceSettings,
        *,
        transport: Transport | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        self._service = service
        self._settings = settings
        self._socket = listen(settings.host, settings.port)
        self._parts = compose(service, settings, transport=transport, inbox=inbox)
        app = Farewell(self._parts.app, lambda: self._parts.status.leaving)
        self._http = HttpServer(app, timeout=settings.shutdown_timeout)
        self._told = asyncio.Event()

    @property
    def port(self) -> int:
        """Port that HTTP listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    def stop(self) -> None:
        """Have the process come to its end in order, as the first signal does."""
        self._told.set()

    async def run(self, *, signals: bool = True) -> int:
        """Serve until a signal or a failure; returns the exit status.

        Args:
            signals: whether SIGTERM and SIGINT end it; False leaves them to the caller, who calls ``stop``.
        """
        manager = self._parts.manager
        _log.info(
            "service starting",
            service=manager.service,
            instance=manager.instance,
            version=manager.version,
            host=self._settings.host,
            port=self.port,
            threads=self._settings.threads,
        )
        with self._signals() if signals else nullcontext():
            serving = asyncio.create_task(self._http.serve([self._socket]))
            starting = asyncio.create_task(manager.start())
            beside = [asyncio.create_task(work(manager)) for work in self._service.background]
            told = asyncio.create_task(self._told.wait())
            try:
                code = await self._served([serving, *beside], starting, told)
            finally:
                told.cancel()
                await self._leave(serving, starting, beside)
        _log.info("service ended", service=manager.service, instance=manager.instance, status=code)
        return code

    async def _served(
        self, lasting: Sequence[asyncio.Task[None]], starting: asyncio.Task[None], told: asyncio.Task[bool]
    ) -> int:
        """Wait for the end of the first task that has one, but for the start's own."""
        watched: set[asyncio.Task[None] | asyncio.Task[bool]] = {*lasting, starting, told}
        while True:
            done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if told in done:
                return 0
            failed = [task for task in done if task.exception() is not None]
            if failed or not done.isdisjoint(lasting):
                reason = repr(failed[0].exception()) if failed else "what should last has ended"
                _log.error("service failed", service=self._service.name, reason=reason)
                return FAILED
            watched.discard(starting)

    async def _leave(
        self,
        serving: asyncio.Task[None],
        starting: asyncio.Task[None],
        beside: Sequence[asyncio.Task[None]],
    ) -> None:
        settings, parts = self._settings, self._parts
        events = settings.event_manager
        was_ready = parts.status.ready
        parts.status.leaving = True
        limit = settings.shutdown_timeout
        starting.cancel()
        await self._step("leave the start", asyncio.wait({starting}), limit)
        if was_ready:
            await self._step(
                "grace", asyncio.sleep(settings.readiness_grace), settings.readiness_grace + limit
            )
        for task in beside:
            task.cancel()
        if beside:
            await self._step("leave the work beside", asyncio.wait(beside), limit)
        await self._step("drain", parts.manager.drain(), events.drain_timeout + limit)
        await self._step("stop", parts.manager.stop(), events.farewell_timeout + limit)
        self._http.should_exit = True
        await self._step("close http", asyncio.wait({serving}), 2 * limit)
        if await self._step("end threads", in_thread(parts.workers.close), limit):
            await self._step("close service", self._service.close(), limit)
        for name, close in parts.closers.items():
            await self._step(f"close {name}", close(), limit)

    async def _step(self, name: str, work: Awaitable[object], limit: float) -> bool:
        """Do one step of the end; tells whether it was done in time. No step keeps the next from its turn."""
        try:
            async with asyncio.timeout(limit):
                result = await work
        except TimeoutError:
            _log.warning("shutdown step ran out of time", step=name, limit_s=limit)
            return False
        except Exception:  # noqa: BLE001 - the end goes on
            _log.exception("shutdown step failed", step=name)
            return False
        _log.info("shutdown step done", step=name, complete=result is not False)
        return True

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _signalled(self, number: signal.Signals) -> None:
        if self._told.is_set():
            _log.warning("second signal: the process ends at once", signal=number.name)
            os._exit(_BY_SIGNAL + number)
        _log.info("signal received", signal=number.name)
        self.stop()
