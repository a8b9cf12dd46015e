"""How a result document is published: the bytes of its file, the same wherever it was computed."""

import json
from collections.abc import Mapping
from typing import Any


def published(document: Mapping[str, Any]) -> bytes:
    """Return a result document (``headroom.result/v1``) as JSON in UTF-8; equal ones give equal bytes."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
