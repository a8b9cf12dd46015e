#!/usr/bin/env bash
# Install Debian packages that are missing; instant when none is. Needs root or sudo, and says so if it has neither.
# Usage: scripts/apt_install.sh PACKAGE...
set -euo pipefail

missing=()
for package in "$@"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "This system has no apt-get: install by hand what Debian calls ${missing[*]}, then try again." >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "Neither root nor sudo: ask for 'apt-get install ${missing[*]}', then try again." >&2
    exit 1
  fi
  as_root=(sudo)
fi

# Debian starts a package's services when it is installed. A policy that forbids it keeps the machine as it was; it goes
# again afterwards, and one that somebody else put there is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

echo "installing ${missing[*]}"
quiet=(--yes --quiet=2 --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${quiet[@]}" "${missing[@]}" </dev/null >/dev/null; }
# The package lists may be old or absent: refresh them only when the first try fails.
install 2>/dev/null || { "${as_root[@]}" apt-get update --quiet=2 && install; }
