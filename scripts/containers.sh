#!/usr/bin/env bash
# Find a container engine with Compose for the end-to-end tests, or install one.
# Usage: eval "$(scripts/containers.sh)"   (messages on stderr, `export` lines on stdout)
#
# In this order: the engine that answers; the tool of the folder `shared` beside the repository, which needs no registry of
# images; packages of Debian or Ubuntu. Where none is to be had the tests are skipped, unless HEADROOM_E2E=require.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOOL=$HERE/../../shared/tools/containers/up

answers() { docker info && docker compose version; } >/dev/null 2>&1

# Compose is `docker-compose-v2` in Ubuntu and `docker-compose` in Debian from 13 on; Debian 12 has an older one by that name.
compose_package() {
  local name
  for name in docker-compose-v2 docker-compose; do
    if apt-cache show "$name" 2>/dev/null | grep -q '^Version: 2'; then
      echo "$name"
      return 0
    fi
  done
  return 1
}

install_packages() {
  local compose
  command -v apt-cache >/dev/null 2>&1 && compose=$(compose_package) || return 1
  "$HERE/apt_install.sh" docker.io docker-buildx "$compose" >&2
}

main() {
  if [ "${HEADROOM_E2E:-}" = skip ] || answers; then return 0; fi
  if [ -x "$TOOL" ]; then
    if "$TOOL"; then return 0; fi
  elif install_packages && answers; then
    return 0
  fi
  cat >&2 <<'MESSAGE'
**********************************************************************************************
*  There is no container engine: the end-to-end tests in tests/e2e are SKIPPED.              *
*  Install Docker with Compose 2.24 or newer, or start it, and see that `docker info` works. *
*  HEADROOM_E2E=require makes this an error; HEADROOM_E2E=skip says nothing.                 *
**********************************************************************************************
MESSAGE
  [ "${HEADROOM_E2E:-}" != require ]
}

main "$@"
