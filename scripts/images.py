"""Build all images for the local engine, or publish them: ``make images`` and ``make push``.

``build`` makes ``<prefix>/<service>:<tag>`` labelled with version, commit and its time.
``push`` publishes a tagged commit as the release workflow does, by release_images.sh, and refuses anything
else: a tree with changes, or a tag that is not the version's.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.version import current, image_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("gateway", "generator", "router", "server-model", "analysis")


class Refused(Exception):  # noqa: N818 - it is no error of the program
    """What was asked for must not be published; the message says why."""


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return what git says of the repository.

    Raises:
        CalledProcessError: git fails.
    """
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - no shell


def build_commands(tag: str, prefix: str, root: Path = ROOT) -> list[list[str]]:
    """Return the commands that build all images."""
    committed = datetime.fromtimestamp(int(git("log", "-1", "--format=%ct", root=root)), UTC)
    changed = "-dirty" if git("status", "--porcelain", root=root) else ""
    labels = {
        "VERSION": current(root),
        "REVISION": git("rev-parse", "HEAD", root=root) + changed,
        "CREATED": committed.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    arguments = [word for name, value in labels.items() for word in ("--build-arg", f"{name}={value}")]
    if image := os.environ.get("PYTHON_IMAGE"):
        arguments += ["--build-arg", f"PYTHON_IMAGE={image}"]
    return [
        [
            *("docker", "buildx", "build", "--load", "--file", f"microservices/{service}/Dockerfile"),
            *("--tag", f"{prefix}/{service}:{tag}", *arguments, "."),
        ]
        for service in SERVICES
    ]


def push_commands(tag: str, root: Path = ROOT) -> list[list[str]]:
    """Return the commands that build and publish all images of a tagged commit.

    Raises:
        Refused: the tree has changes, or the commit is not tagged with its version.
    """
    if git("status", "--porcelain", root=root):
        message = "the tree has changes: commit them, tag the commit, then push"
        raise Refused(message)
    if f"v{tag}" not in git("tag", "--points-at", "HEAD", root=root).split():
        message = f"TAG: expected one that this commit is tagged with, found {tag}"
        raise Refused(message)
    try:
        image_tag(f"v{tag}", current(root))
    except ValueError as error:
        raise Refused(str(error)) from error
    script = "scripts/release_images.sh"
    return [[script, "build", tag], [script, "scan"], [script, "push", tag]]


def run(commands: Sequence[Sequence[str]], environment: Mapping[str, str], *, dry: bool) -> None:
    """Run commands in the repository's root one after another, or only print them.

    Raises:
        CalledProcessError: one fails; those behind it are not run.
    """
    for command in commands:
        print(shlex.join(command), flush=True)
        if not dry:
            subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)  # noqa: S603 - no shell


def resolved_base() -> str:
    """Return the base image with its digest, as the registry has it now.

    Raises:
        CalledProcessError: the registry does not answer.
    """
    command = [str(ROOT / "scripts/release_images.sh"), "base"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - ours


def main(arguments: Sequence[str] | None = None) -> int:
    """Build or push; returns the exit status: 1 after a failure, 2 when it is refused."""
    parser = argparse.ArgumentParser(description="Build or publish the images of all services.")
    parser.add_argument("command", choices=("build", "push"))
    parser.add_argument("--tag", default="dev", help="tag of the images")
    parser.add_argument("--prefix", default="headroom", help="what stands before /<service>")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and run none")
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            run(build_commands(options.tag, options.prefix), {"DOCKER_BUILDKIT": "1"}, dry=options.dry_run)
        else:
            commands = push_commands(options.tag)
            environment = {} if options.dry_run else {"BASE": resolved_base()}
            run(commands, environment, dry=options.dry_run)
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"status {error.returncode}: {shlex.join(map(str, error.cmd))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
