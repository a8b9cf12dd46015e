"""The gateway as a process: ``python -m headroom_gateway``; with ``migrate`` it looks after its tables."""

from headroom_common.service import main
from headroom_gateway.app import build, migrate
from headroom_gateway.settings import GatewaySettings

if __name__ == "__main__":
    main(build, GatewaySettings, {"migrate": migrate})
