"""Headroom's router service."""
