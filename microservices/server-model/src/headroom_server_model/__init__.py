"""Headroom's server-model service."""
