#!/usr/bin/env bash
# Make sure that the servers which the tests start for themselves are installed: RabbitMQ, Redis and PostgreSQL.
# Tests run them on free ports, in directories of their own and as the calling user; the system's services are not needed.
set -euo pipefail

have() {
  local candidate
  for candidate in "$@"; do
    if [ -x "$candidate" ] || command -v "$candidate" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

missing=()
have /usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server || missing+=(rabbitmq-server)
have redis-server || missing+=(redis-server)
have /usr/lib/postgresql/*/bin/initdb initdb || missing+=(postgresql)
have openssl || missing+=(openssl)
[ "${#missing[@]}" -gt 0 ] || exit 0

# Debian starts a package's services when it is installed. A policy that forbids it keeps the machine as it was; it goes
# again afterwards, and one that somebody else put there is left alone.
policy=/usr/sbin/policy-rc.d
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
if [ ! -e "$policy" ] && { [ "${#as_root[@]}" -eq 0 ] || command -v sudo >/dev/null 2>&1; }; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"$(dirname "${BASH_SOURCE[0]}")/apt_install.sh" "${missing[@]}"
