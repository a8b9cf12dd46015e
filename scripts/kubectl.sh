#!/usr/bin/env bash
# Run kubectl, one whose kustomize knows components (kubectl 1.27, kustomize 5, or newer); without arguments, print its path.
# Where the system's is older or missing, Debian's next release lends its own: unpacked into the cache, not installed.
# Usage: scripts/kubectl.sh [ARGUMENT...]
set -euo pipefail

release=trixie
cache=${XDG_CACHE_HOME:-$HOME/.cache}/headroom
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

good() { [[ $("$1" version --client 2>/dev/null) =~ Kustomize\ Version:\ v([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 5 ]; }

say_what_to_install() {
  echo "kubectl: expected 1.27 or newer, found ${1:-none}. Install one: https://kubernetes.io/docs/tasks/tools/" >&2
  exit 1
}

mirror() {
  # shellcheck disable=SC2016 # the dollars are apt's own
  apt-get indextargets --format '$(SITE) $(RELEASE) $(ORIGIN) $(COMPONENT)' |
    awk '$3 == "Debian" && $4 == "main" && $2 !~ /-(security|updates|backports)$/ && !seen++ {print $1}'
}

# An apt with its own sources and lists, which leaves the machine's alone.
download() {
  local work=$1
  mkdir -p "$work"/{sources,lists/partial,cache/archives/partial}
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$2" "$release" "$keyring" >"$work/sources/next.sources"
  own_apt() {
    apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" -o Dir::State::lists="$work/lists" \
      -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -qq "$@" >&2
  }
  own_apt update
  (cd "$work" && own_apt download "kubectl/$release")
  dpkg-deb -x "$work"/kubectl_*.deb "$work/unpacked"
}

found=$(command -v kubectl || true)
if [ -z "$found" ] || ! good "$found"; then
  borrowed=$cache/kubectl-$release
  if [ ! -x "$borrowed" ]; then
    site=$(mirror 2>/dev/null || true)
    [ -n "$site" ] && [ -r "$keyring" ] || say_what_to_install "$found"
    echo "fetching kubectl from Debian's $release into $cache" >&2
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/kubectl.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    download "$work" "$site"
    mv "$work/unpacked/usr/bin/kubectl" "$borrowed"
    rm -rf "$work"
    trap - EXIT
  fi
  found=$borrowed
fi

if [ "$#" -eq 0 ]; then echo "$found"; else exec "$found" "$@"; fi
