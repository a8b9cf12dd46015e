"""The generator as a process: ``python -m headroom_generator``."""

from headroom_common.service import ServiceSettings, main
from headroom_generator.app import build

if __name__ == "__main__":
    main(build, ServiceSettings)
