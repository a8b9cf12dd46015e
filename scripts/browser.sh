#!/usr/bin/env bash
# Make sure that a browser of the Chromium family is there for the tests that render the report.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
exec "$(dirname "${BASH_SOURCE[0]}")/apt_install.sh" chromium
