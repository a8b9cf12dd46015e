"""Write docs/asyncapi.yaml and the generated parts of docs/events.md and docs/services.md, or check them.

python scripts/generate_event_docs.py            write the files
python scripts/generate_event_docs.py --check    fail when a file is not what the code says
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from headroom_analysis.app import AnalysisSettings
from headroom_common.contracts.registry import CONTRACTS
from headroom_common.contracts.wire import Encoded
from headroom_common.event_manager import document as events
from headroom_common.event_manager.asyncapi import document, to_yaml
from headroom_common.event_manager.document import brought_up_to_date
from headroom_common.service import document as services
from headroom_gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from headroom_common.service.settings import ServiceSettings

OWN_SETTINGS: dict[str, type[ServiceSettings]] = {
    "analysis": AnalysisSettings,
    "the gateway": GatewaySettings,
}
ROOT = Path(__file__).resolve().parent.parent
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"
EVENTS = ROOT / "docs" / "events.md"
SERVICES = ROOT / "docs" / "services.md"
SAMPLES = ROOT / "common" / "tests" / "contracts" / "samples"


def read_sample(event_type: str) -> Encoded:
    """Return the committed sample of a type of event.

    Raises:
        FileNotFoundError: there is none.
    """
    headers = json.loads((SAMPLES / f"{event_type}.headers.json").read_text(encoding="utf-8"))
    body = next(SAMPLES.glob(f"{event_type}.body.*"), None)
    if body is None:
        message = f"{SAMPLES}: expected {event_type}.body.json or .body.arrows, found neither"
        raise FileNotFoundError(message)
    return Encoded(headers, body.read_bytes())


def main() -> int:
    """Write or check the files; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing, fail when a file is out of date"
    )
    is_check = parser.parse_args().check
    texts = {
        ASYNCAPI: to_yaml(document({event_type: read_sample(event_type) for event_type in CONTRACTS})),
        EVENTS: brought_up_to_date(EVENTS.read_text(encoding="utf-8"), events.generated()),
        SERVICES: brought_up_to_date(SERVICES.read_text(encoding="utf-8"), services.generated(OWN_SETTINGS)),
    }
    stale = [
        path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if is_check:
            print(f"{path.relative_to(ROOT)} is out of date: run `make docs` and commit the result")
        else:
            path.write_text(texts[path], encoding="utf-8")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
