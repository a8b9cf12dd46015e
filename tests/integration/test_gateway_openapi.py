"""The OpenAPI document against the real gateway: generated requests get the answers that it describes.

Schemathesis asks a gateway in front of a whole platform, all checks and phases on: the document's examples,
the edges of every parameter, random requests, and requests that follow from the answers to others.
"""

import asyncio
import os
import sys
from pathlib import Path

from headroom_platforms.backends import Backend
from headroom_platforms.gateways import SMALL, Caller, GatewayPlatform

EXAMPLES = os.environ.get("HEADROOM_OPENAPI_EXAMPLES", "4")
SEED = os.environ.get("HEADROOM_OPENAPI_SEED")
CHANCE = "--generation-deterministic" if SEED is None else f"--seed={SEED}"
HERE = Path(__file__).parent
HOOKS = HERE / "headroom_platforms" / "openapi_hooks.py"
ADMIN_KEY = "0123456789abcdef0123456789abcdef"
SETTINGS = {
    "AUTHENTICATION__MODE": "on",
    "AUTHENTICATION__ADMIN_KEY": ADMIN_KEY,
    "RATES__READS_PER_MINUTE": "0",
    "RATES__WRITES_PER_MINUTE": "0",
    "RATES__FAILURES_PER_MINUTE": "0",
    "MOST_REQUESTS": "20000",
}


async def test_every_answer_is_one_that_the_document_describes(backend: Backend, tmp_path: Path) -> None:
    async with GatewayPlatform(backend, settings=SETTINGS) as platform:
        async with Caller(platform.gateways[0], key=ADMIN_KEY) as caller:
            scenario_id = await caller.scenario(SMALL)
        asking = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={HERE / 'schemathesis.toml'}",
            "run",
            f"http://127.0.0.1:{platform.gateways[0].port}/openapi.json",
            f"--header=Authorization: Bearer {ADMIN_KEY}",
            f"--max-examples={EXAMPLES}",
            CHANCE,
            "--checks=all",
            "--no-color",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "120"}
            | {"SCHEMATHESIS_HOOKS": str(HOOKS), "HEADROOM_OPENAPI_SCENARIO": scenario_id},
            cwd=tmp_path,  # it keeps notes
        )
        told, _ = await asking.communicate()
        assert asking.returncode == 0, told.decode()
