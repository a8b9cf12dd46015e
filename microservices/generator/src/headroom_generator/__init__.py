"""Headroom's generator service."""
