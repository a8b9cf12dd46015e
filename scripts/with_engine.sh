#!/usr/bin/env bash
# Run a command that may use a container engine, and stop the engine afterwards if it was started for it.
# Usage: scripts/with_engine.sh COMMAND [ARGUMENT...]   (its exit status is that of the command)
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DOWN=$HERE/../../shared/tools/containers/down

running() { pgrep -x dockerd >/dev/null; }

stop_what_was_started() {
  if [ "$before" = no ] && running && [ -x "$DOWN" ]; then "$DOWN" >&2; fi
}

before=no
if running; then before=yes; fi
trap stop_what_was_started EXIT
engine=$("$HERE/containers.sh")
eval "$engine"
"$@"
