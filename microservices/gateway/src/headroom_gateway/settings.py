"""Settings of the gateway."""

from typing import Annotated

from pydantic import Field

from headroom_common.event_manager.settings import Seconds
from headroom_common.service import DatabaseSettings, Secret
from headroom_gateway.security.settings import SecuritySettings


class GatewaySettings(SecuritySettings, DatabaseSettings):
    """Settings of the gateway.

    Attributes:
        database_url: the gateway's own database, as ``postgresql+psycopg://user:password@host/name`` or
            ``sqlite:////path/to/file``.
        analysis_url: where analysis answers HTTP: it renders reports and compares runs.
        analysis_timeout: seconds that an answer of analysis may take.
        most_running: runs that the services work at; more of them wait their turn in the database. Half of
            the places at most are for runs of experiments.
        window: trials of a run in flight at once. The queues of the platform hold 1,000 events, so the
            product of these two has to stay well below.
        most_active_runs: runs under way or waiting, of one caller; an experiment counts as one.
        most_active_experiments: experiments under way or waiting, of one caller.
        most_requests: simulated requests in one run, and in all runs of one experiment.
        stall_timeout: seconds without news after which a run has failed.
        retention_days: days after which ended runs are removed; ``none`` keeps them.
        most_followers: clients that follow runs through this instance at once.
        heartbeat: seconds between two signs of life to those who follow a run.
        broker_forgets: whether the broker ends with this process, so that what it was told of runs under way
            is told again at the start.
    """

    database_url: Secret
    analysis_url: str = "http://analysis:8080"
    analysis_timeout: Seconds = 60.0
    most_running: Annotated[int, Field(ge=1, le=250)] = 64
    window: Annotated[int, Field(ge=1, le=64)] = 4
    most_active_runs: Annotated[int, Field(ge=1)] = 200
    most_active_experiments: Annotated[int, Field(ge=1)] = 10
    most_requests: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2e9
    stall_timeout: Seconds = 900.0
    retention_days: Annotated[int, Field(ge=1)] | None = 30
    most_followers: Annotated[int, Field(ge=1)] = 1000
    heartbeat: Seconds = 15.0
    broker_forgets: bool = False
