#!/usr/bin/env bash
# Images from the commit to the registry, each step apart, so that what was tested is what is published:
#   release_images.sh base          resolve the base image; prints NAME@sha256:…
#   release_images.sh build TAG     build all images for this machine's architecture, with SBOM and provenance,
#                                   into out/images/<service>-<architecture>.tar (OCI archives); BASE as from `base`
#   release_images.sh load TAG      put the archives of this architecture into the engine as headroom/<service>:TAG
#   release_images.sh scan          look for known weaknesses in all archives with grype (GRYPE names another program);
#                                   fails when one is high or critical and has a fix
#   release_images.sh push TAG      push the archives of all architectures under one name each;
#                                   writes the names with their digests into out/images/digests.txt
# REGISTRY=registry.example/ in front of the names sends them elsewhere than to the engine's default registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

services=(gateway generator router server-model analysis)
python_image=python:3.11-slim-bookworm
folder=out/images
name_of() { printf '%sheadroom/%s' "${REGISTRY:-}" "$1"; }
architecture() { case $(uname -m) in x86_64) echo amd64 ;; aarch64 | arm64) echo arm64 ;; *) uname -m ;; esac; }

base() {
  printf '%s@%s\n' "$python_image" "$(skopeo inspect --no-tags --format '{{.Digest}}' "docker://$python_image")"
}

build() {
  local service
  : "${BASE:?BASE: expected the base image with its digest, as \`$0 base\` prints it}"
  mkdir -p "$folder"
  # The commit's time and not the clock's: building a commit again gives the same labels and time stamps.
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
  export SOURCE_DATE_EPOCH
  for service in "${services[@]}"; do
    docker buildx build . \
      --file "microservices/$service/Dockerfile" \
      --build-arg "PYTHON_IMAGE=$BASE" \
      --build-arg "VERSION=$1" \
      --build-arg "REVISION=$(git rev-parse HEAD)" \
      --build-arg "CREATED=$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" \
      --label "org.opencontainers.image.base.name=${BASE%@*}" \
      --label "org.opencontainers.image.base.digest=${BASE#*@}" \
      --sbom=true --provenance=mode=max \
      --output "type=oci,dest=$folder/$service-$(architecture).tar"
  done
}

load() {
  local service
  for service in "${services[@]}"; do
    skopeo copy --quiet --dest-daemon-host "${DOCKER_HOST:-unix:///var/run/docker.sock}" \
      "oci-archive:$folder/$service-$(architecture).tar" "docker-daemon:headroom/$service:$1"
  done
}

scan() {
  local archive architecture status=0
  for archive in "$folder"/*.tar; do
    architecture=${archive##*-}
    # Grype takes one image, and an archive holds its attestations too.
    rm -f "$folder/scanned"
    skopeo copy --quiet --override-arch "${architecture%.tar}" "oci-archive:$archive" "docker-archive:$folder/scanned"
    echo "scanning ${archive##*/}"
    "${GRYPE:-grype}" "docker-archive:$folder/scanned" --only-fixed --fail-on high || status=1
  done
  rm -f "$folder/scanned"
  return "$status"
}

push() {
  local service archive name digest sources
  : > "$folder/digests.txt"
  for service in "${services[@]}"; do
    name=$(name_of "$service")
    sources=()
    for archive in "$folder/$service"-*.tar; do
      digest=sha256:$(skopeo inspect --raw "oci-archive:$archive" | sha256sum | cut -d' ' -f1)
      skopeo copy --quiet --all --preserve-digests "oci-archive:$archive" "docker://$name@$digest"
      sources+=("$name@$digest")
    done
    docker buildx imagetools create --tag "$name:$1" "${sources[@]}"
    digest=sha256:$(docker buildx imagetools inspect --raw "$name:$1" | sha256sum | cut -d' ' -f1)
    echo "$name@$digest" >> "$folder/digests.txt"
  done
}

case ${1:-} in
  base | scan) "$1" ;;
  build | load | push) "$1" "${2:?TAG: expected the tag of the images, such as 0.2.0}" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
