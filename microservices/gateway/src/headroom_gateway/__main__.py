"""The gateway as a process: ``python -m headroom_gateway``."""

from headroom_common.service import main
from headroom_gateway.app import build
from headroom_gateway.settings import GatewaySettings

if __name__ == "__main__":
    main(build, GatewaySettings)
