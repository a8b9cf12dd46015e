"""The output in the guides is the product's: their commands are run, and what they print is put below them.

    python -m scripts.run_guides            write
    python -m scripts.run_guides --check    exit with 1 and a difference when a guide says something else

A guide is a page of docs/guides. In its blocks ```console the lines that begin with "$ headroom" are run, one
after the other, in a folder that holds the examples; what they draw below out/ goes to docs/img if shown.
"""

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDES = ROOT / "docs" / "guides"
IMAGES = ROOT / "docs" / "img"
COLUMNS = "100"

_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (headroom .*?(?:\\\n.*?)*)$", re.MULTILINE)
_IMAGE = re.compile(r"\(\.\./img/(guide-[\w-]+\.svg)\)")
_STATUSES = (0, 1)  # done, or an objective is missed


class GuideError(Exception):
    """A command of a guide does not work."""


def main() -> int:
    """Write or check all guides and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, and fail when a guide is stale")
    parser.add_argument("guides", nargs="*", type=Path, help="pages; by default all")
    chosen = parser.parse_args()
    stale = False
    for guide in map(Path.resolve, chosen.guides or sorted(GUIDES.glob("*.md"))):
        try:
            for path, content in played(guide):
                if not path.exists() or path.read_bytes() != content:
                    stale = True
                    _settle(path, content, check=chosen.check)
        except GuideError as error:
            print(error, file=sys.stderr)
            return 1
    return int(stale and chosen.check)


def played(guide: Path) -> Iterator[tuple[Path, bytes]]:
    """Run the commands of a guide; yield the page and its images as they ought to be.

    Raises:
        GuideError: a command does not work, or an image is not drawn by any.
    """
    text = guide.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        (folder / "out").mkdir()
        yield guide, _BLOCK.sub(lambda block: _block(block[0], folder), text).encode()
        for image in dict.fromkeys(_IMAGE.findall(text)):
            drawn = folder / "out" / image
            if not drawn.exists():
                message = f"{guide}: expected a command with --plot out/{image}, found none"
                raise GuideError(message)
            yield IMAGES / image, drawn.read_bytes()


def _block(text: str, folder: Path) -> str:
    """Return a block with what its commands print now."""
    return "\n".join(f"$ {command}\n{_printed(command, folder)}" for command in _COMMAND.findall(text))


def _printed(command: str, folder: Path) -> str:
    environment = os.environ | {
        "COLUMNS": COLUMNS,
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("HEADROOM_GATEWAY", None)
    done = subprocess.run(  # noqa: S602 - the commands of our own guides, as a reader would type them
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in _STATUSES:
        message = f"{command}\nexpected status 0 or 1, found {done.returncode}:\n{done.stderr}"
        raise GuideError(message)
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def _settle(path: Path, content: bytes, *, check: bool) -> None:
    """Write a file that is stale, or print how it differs."""
    name = str(path.relative_to(ROOT))
    if not check:
        path.write_bytes(content)
        print(f"wrote {name}")
    elif path.suffix != ".md" or not path.exists():
        print(f"{name}: expected what its command draws now, found another picture; write it: make guides")
    else:
        old, new = (text.decode().splitlines(keepends=True) for text in (path.read_bytes(), content))
        sys.stdout.writelines(difflib.unified_diff(old, new, name, f"{name} (now)"))
        print(f"{name}: stale; write it: make guides")


if __name__ == "__main__":
    sys.exit(main())
