"""The middleware around every handler, one concern per module.

From the outside in: logs, dead_letter, retry, decode, trace, dedupe, respond.
"""
