"""Write docs/openapi.yaml from the gateway's routes, or check it.

python scripts/generate_api_docs.py            write the file
python scripts/generate_api_docs.py --check    fail when it is not what the code says
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from headroom_common.service.composition import compose
from headroom_common.transports.memory import MemoryBroker
from headroom_gateway.app import build
from headroom_gateway.settings import GatewaySettings

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "openapi.yaml"


def document() -> dict[str, Any]:
    """Return the OpenAPI document of the gateway; nothing is connected for it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = GatewaySettings(instance="docs", database_url=SecretStr(f"sqlite:///{folder}/none"))
        composition = compose(build(settings), settings, transport=MemoryBroker().transport())
        composition.workers.close()
    return composition.app.openapi()


def main() -> int:
    """Write or check the file; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, fail when it is out of date")
    is_check = parser.parse_args().check
    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)
    if OPENAPI.exists() and OPENAPI.read_text(encoding="utf-8") == text:
        return 0
    if is_check:
        print("docs/openapi.yaml is out of date: run `make docs` and commit the result")
        return 1
    OPENAPI.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
