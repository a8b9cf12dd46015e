"""Headroom: will this backend hold, and how much headroom is left?"""
