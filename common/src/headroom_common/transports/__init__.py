"""Transports: the port that carries messages between services, and its adapters."""
