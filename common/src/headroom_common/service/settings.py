"""Settings of a service: from the environment and from files, checked when the process starts.

A setting ``port`` is the variable ``HEADROOM_PORT``, a nested one ``broker.url`` is ``HEADROOM_BROKER__URL``.
Secrets may come from files instead: with ``HEADROOM_SECRETS_DIR=/run/secrets`` the file
``/run/secrets/headroom_redis_url`` holds the setting ``redis_url``. A variable goes before a file. An empty
variable is none at all; ``none`` is a setting's None.
"""

import os
import socket
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from headroom_common.event_manager.settings import EventManagerSettings, Seconds
from headroom_common.event_manager.workers import available_cores
from headroom_common.telemetry import LogFormat, LogLevel
from headroom_common.transports.settings import BrokerSettings

PREFIX: Final = "HEADROOM_"
"""What the name of a setting's environment variable starts with."""

NESTED: Final = "__"
"""What stands between the names of nested settings."""

SECRETS_DIR: Final = "HEADROOM_SECRETS_DIR"
"""Environment variable with the folder that holds secrets as files."""

BAD_SETTINGS: Final = 2
"""Exit status of a process whose settings are not valid."""

Secret = SecretStr
"""A setting that is never shown."""

_REDIS_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_LONGEST_SHOWN: Final = 60


def _this_instance() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class ServiceSettings(BaseSettings):
    """Settings that all services share; a service with more of them derives its own class.

    Attributes:
        broker: how the message broker is reached.
        redis_url: the Redis that remembers handled events for all instances of the service, as
            ``redis://:password@host:6379/0``, ``rediss://…`` with TLS; without it each process remembers for
            itself, which may cost repeated work and no correctness.
        redis_timeout: seconds that one question to Redis may take.
        redis_pause: seconds that a Redis which failed is left alone.
        inbox_expiry: seconds that Redis remembers a handled event; longer than the longest replay.
        host: address that HTTP listens on.
        port: port that HTTP listens on; 0 takes a free one and logs which.
        instance: name of this instance, unique among those of its service.
        log_format: JSON lines, or readable text.
        log_level: the least severe level that is logged.
        threads: threads that run handlers.
        event_manager: how events are taken, retried and sent.
        readiness_grace: seconds between telling that the service is not ready any more and draining, in which
            load balancers learn of it.
        shutdown_timeout: seconds for each step of the shutdown but draining, which the event manager bounds.
        otlp_endpoint: where traces go, as ``http://collector:4318/v1/traces``; none leaves tracing off.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        env_ignore_empty=True,
        env_parse_none_str="none",
        secrets_dir_missing="error",
    )

    broker: BrokerSettings = BrokerSettings()
    redis_url: Secret | None = None
    redis_timeout: Seconds = 1.0
    redis_pause: Seconds = 1.0
    inbox_expiry: Annotated[int, Field(ge=1)] = 86_400
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        default_factory=_this_instance
    )
    log_format: LogFormat = "json"
    log_level: LogLevel = "info"
    threads: Annotated[int, Field(ge=1)] = Field(default_factory=available_cores)
    event_manager: EventManagerSettings = EventManagerSettings()
    readiness_grace: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    shutdown_timeout: Seconds = 5.0
    otlp_endpoint: str | None = None

    @field_validator("redis_url")
    @classmethod
    def _redis_has_a_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_REDIS_SCHEMES):
            msg = "expected redis://…, rediss://… or unix://…"
            raise ValueError(msg)
        return url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - as in the base class
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments first, then the environment, then files; files may hold nested settings as well."""
        del dotenv_settings
        files = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir=os.environ.get(SECRETS_DIR), secrets_nested_delimiter=NESTED
        )
        return init_settings, env_settings, files


class DatabaseSettings(ServiceSettings):
    """Settings of services with a database of their own.

    Attributes:
        migrations: who brings the tables up to date: ``apply`` has each instance do it at its start; with
            ``await`` it is not ready until the command ``migrate`` has done it.
        migration_timeout: seconds for which the command ``migrate`` tries to reach the database.
    """

    migrations: Literal["apply", "await"] = "apply"
    migration_timeout: Seconds = 60.0


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(settings: type[SettingsT], **values: Any) -> SettingsT:  # noqa: ANN401 - the settings check them
    """Return the settings that the environment and the secret files hold.

    Args:
        settings: which settings.
        values: what is decided already, by name of the setting.

    Raises:
        SystemExit: with status ``BAD_SETTINGS``, after one line per fault on standard error.
    """
    try:
        return settings(**values)
    except ValidationError as error:
        faults = list(explained(error, settings))
    except SettingsError as error:
        faults = [f"{SECRETS_DIR} or a nested setting: {error}"]
    for fault in faults:
        print(f"headroom: {fault}", file=sys.stderr)  # noqa: T201 - logs are not configured yet
    raise SystemExit(BAD_SETTINGS)


def explained(error: ValidationError, settings: type[BaseModel]) -> Iterator[str]:
    """Return one line per finding: variable, what was expected, and what was found unless it is secret."""
    for finding in error.errors(include_url=False, include_context=False):
        path = [str(part) for part in finding["loc"]]
        variable = PREFIX + NESTED.join(path).upper()
        found = repr(finding["input"])
        shown = "" if _secret(settings, path) or len(found) > _LONGEST_SHOWN else f", found {found}"
        yield f"{variable}: {finding['msg']}{shown}"


def _secret(model: type[BaseModel], path: list[str]) -> bool:
    """Tell whether the setting at ``path`` is a secret, or holds one."""
    field = model.model_fields.get(path[0]) if path else None
    if field is None:
        return True
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return _secret(inner, path[1:])
    return "Secret" in repr(field.annotation)
