"""Headroom's analysis service."""
