#!/usr/bin/env bash
# Make sure that the servers which the tests start for themselves are installed: RabbitMQ, Redis, PostgreSQL
# and Prometheus.
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
have prometheus promtool || missing+=(prometheus)
[ "${#missing[@]}" -gt 0 ] || exit 0

"$(dirname "${BASH_SOURCE[0]}")/apt_install.sh" "${missing[@]}"
