"""The shell around every service: settings, HTTP, metrics, traces, and an orderly life as a process."""

from headroom_common.service.definition import Service
from headroom_common.service.process import main
from headroom_common.service.settings import DatabaseSettings, Secret, ServiceSettings

__all__ = ["DatabaseSettings", "Secret", "Service", "ServiceSettings", "main"]
