"""Write the secrets of docker-compose.yml: run by its container ``secrets`` before all others.

Passwords are random and made once; they are kept in a volume that no other container sees. From them all
files are written again at every start, so that what a new version wants is there, too.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scripts.make_secrets import Secrets

PASSWORDS: Final = "passwords/passwords.json"
"""The file that is kept, from the folder of all volumes."""

_BROKER: Final = ("broker", "headroom_broker__url")
_REDIS: Final = ("redis", "headroom_redis_url")
FILES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "gateway": (
        _BROKER,
        _REDIS,
        ("gateway-database", "headroom_database_url"),
        ("gateway-admin-key", "headroom_authentication__admin_key"),
    ),
    "worker": (_BROKER, _REDIS),
    "analysis": (_BROKER, _REDIS, ("analysis-database", "headroom_database_url")),
    "rabbitmq": (("rabbitmq", "default_user.conf"),),
    "postgresql": (("postgresql", "superuser"), ("postgresql", "gateway"), ("postgresql", "analysis")),
    "redis": (("redis-server", "password.conf"),),
}
"""By volume the secrets in it; see ``make_secrets``."""


def write(volumes: Path) -> bool:
    """Write all secrets; tells whether they are new.

    Args:
        volumes: the folder with the volumes, by name.

    Raises:
        OSError: a volume is not there, or not this user's.
        ValueError: the passwords that were kept cannot be read.
    """
    kept = volumes / PASSWORDS
    passwords = _read(kept)
    known = len(passwords)
    source = Secrets({name for files in FILES.values() for name, _ in files}, {}, passwords)
    contents = {
        volumes / volume / key: source.contents(name, key)
        for volume, files in FILES.items()
        for name, key in files
    }
    # First what everything else follows from: whatever interrupts this, the next start writes the same files.
    for path, text in {kept: json.dumps(passwords), **contents}.items():
        _replace(path, text)
    return known == 0


def _read(kept: Path) -> dict[str, str]:
    try:
        passwords: dict[str, str] = json.loads(kept.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        msg = f"{kept}: expected passwords by their names, found no JSON (docs/compose.md)"
        raise ValueError(msg) from error
    return passwords


def _replace(path: Path, text: str) -> None:
    """Write a file for its owner and group to read; readers see the old one or the new one."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o440)
    unfinished.replace(path)


def main() -> None:
    """Write the secrets into the volumes in the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Write random secrets, once, for docker-compose.yml.")
    parser.add_argument("volumes", type=Path, help="the folder with the volumes")
    parser.add_argument("--new", action="store_true", help="forget the passwords that are there")
    chosen = parser.parse_args()
    try:
        if chosen.new:
            (chosen.volumes / PASSWORDS).unlink(missing_ok=True)
        made = write(chosen.volumes)
    except (OSError, ValueError) as error:
        sys.exit(f"compose_secrets: {error}")
    print("made new passwords" if made else "the passwords are there already")


if __name__ == "__main__":
    main()
