"""The server model as a process: ``python -m headroom_server_model``."""

from headroom_common.service import ServiceSettings, main
from headroom_server_model.app import build

if __name__ == "__main__":
    main(build, ServiceSettings)
