"""The router as a process: ``python -m headroom_router``."""

from headroom_common.service import ServiceSettings, main
from headroom_router.app import build

if __name__ == "__main__":
    main(build, ServiceSettings)
