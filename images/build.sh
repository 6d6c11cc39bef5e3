#!/usr/bin/env bash
# build.sh NAME: makes challengehub/NAME with the tag of the settings file from images/NAME/Dockerfile, unless what goes into it is what went into the one that is there.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
name=$1
image=$PREFIX/$name:$(setting IMAGE_TAG)
dockerfile=images/$name/Dockerfile

# The paths of the checkout that the Dockerfile copies, and with them everything that can change the image.
copied() {
    sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' "$dockerfile" |
        awk 'toupper($1) ~ /^(COPY|ADD)$/ && !/--from=/ { for (i = 2; i < NF; i++) if ($i !~ /^--/) print $i }' | sort -u
}
paths=()
# Unquoted: a Dockerfile's * means the same here.
for path in $(copied); do [ ! -e "$path" ] || paths+=("$path"); done

base=$BASE_IMAGE
[ "$name" = db ] && base=$PREFIX/db-base:latest
wanted=$(docker image inspect --format '{{.Id}}' "$base" | hash_inputs "$dockerfile" .dockerignore "${paths[@]}")
if [ "$(image_label "$image")" = "$wanted" ] && [ -z "${REBUILD:-}" ]; then
    echo "$image is as it should be"
    exit 0
fi

arguments=(--build-arg BASE_IMAGE="$base")
[ "$name" = db ] && arguments=(--build-arg DB_BASE_IMAGE="$base")
# Only where this machine has its own proxy or package index, and only for the build; none of them is kept in the image.
for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL npm_config_registry; do
    [ -z "${!variable:-}" ] || arguments+=(--build-arg "$variable")
done
docker build ${REBUILD:+--no-cache} -t "$image" -f "$dockerfile" --label challengehub.inputs="$wanted" --label challengehub.part="$name" "${arguments[@]}" .
# The images that this one took the name from, if nothing runs from them any more. Not by the other label: what a build keeps of its earlier
# stages has that one from the base image, and is what makes the next build quick. The engine lets one prune at a time; the next build tidies.
docker image prune -f --filter label=challengehub.part >/dev/null || true
