#!/usr/bin/env bash
# Base images. Where an image registry answers: the official debian:trixie-slim and mysql:lts. Where none does: the same made from Debian's
# packages. Either way one local image, challengehub/base:trixie, is what our own Dockerfiles start from, and challengehub/db-base what db does.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
# A failure inside $(…) counts too.
shopt -s inherit_errexit
# Fixed when built: raise it to have everybody's base images made anew.
BASE_VERSION=1

registry_answers() {
    local url
    for url in $(docker info --format '{{range .RegistryConfig.Mirrors}}{{.}} {{end}}' 2>/dev/null) https://registry-1.docker.io; do
        # 200 and 401 both mean that a registry is there; everything else, also a proxy's refusal, that there is none to count on.
        python3 - "${url%/}/v2/" <<'PY' && return 0
import sys, urllib.error, urllib.request
try:
    status = urllib.request.urlopen(sys.argv[1], timeout=5).status
except urllib.error.HTTPError as error:
    status = error.code
except Exception as error:
    sys.exit(f"{sys.argv[1]}: {error}")
sys.exit(0 if status in (200, 401) else f"{sys.argv[1]}: {status}")
PY
    done
    return 1
}

# The machine's own certificate authorities, beyond those that Debian ships: one PEM text on standard output, nothing where there are none.
own_authorities() {
    python3 - <<'PY'
import glob, os, pathlib, re
pem = re.compile(r"-----BEGIN CERTIFICATE-----\s.+?-----END CERTIFICATE-----", re.S)
def read(paths):
    return {"".join(block.split()): block for path in paths if os.path.isfile(path) for block in pem.findall(pathlib.Path(path).read_text(errors="replace"))}
shipped = read(glob.glob("/usr/share/ca-certificates/**/*.crt", recursive=True))
bundle = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
# Without Debian's own list to compare with (another system), only what somebody put in the place for local authorities counts.
here = read([bundle]) if shipped else {}
here |= read(glob.glob("/usr/local/share/ca-certificates/**/*.crt", recursive=True))
print("\n".join(block for key, block in sorted(here.items()) if key not in shipped))
PY
}

# debootstrap SUITE IMAGE: the suite's minimal system as an image.
from_packages() {
    local suite=$1 image=$2 dir
    hint "this machine reaches no image registry, so $image is made with debootstrap from $MIRROR; see that this address can be reached (CHALLENGEHUB_DEBIAN_MIRROR=… names another), or bring the image with 'docker load'"
    apt_install debootstrap
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || apt_install debian-archive-keyring
    dir=$(as_root mktemp -d /var/tmp/challengehub-base.XXXXXX)
    # The script is named because an older debootstrap does not know the newer suites by name; all Debian suites share it.
    if ! as_root debootstrap --variant=minbase --include=ca-certificates "$suite" "$dir" "$MIRROR" /usr/share/debootstrap/scripts/sid; then
        as_root tail -n 20 "$dir/debootstrap/debootstrap.log" || true
        as_root rm -rf --one-file-system "$dir"
        return 1
    fi
    as_root rm -rf "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/* "$dir"/var/log/bootstrap.log
    as_root tee "$dir/etc/apt/sources.list" >/dev/null <<SOURCES
deb $MIRROR $suite main
deb $MIRROR $suite-updates main
deb ${CHALLENGEHUB_DEBIAN_SECURITY_MIRROR:-${MIRROR%/debian}/debian-security} $suite-security main
SOURCES
    as_root tar -C "$dir" --numeric-owner --exclude=./dev --exclude=./proc/* --exclude=./sys/* -c . | docker import --change 'CMD ["bash"]' - "$image"
    as_root rm -rf --one-file-system "$dir"
}

debian_image() {
    if registry_answers && timeout 900 docker pull debian:trixie-slim >&2; then echo debian:trixie-slim; return; fi
    if ! docker image inspect $PREFIX/debian:trixie-slim >/dev/null 2>&1 || [ -n "${REBUILD:-}" ]; then
        say "        No image registry answers: making the Debian base image from its packages (about a minute)."
        from_packages trixie $PREFIX/debian:trixie-slim >&2
    fi
    echo $PREFIX/debian:trixie-slim
}

build_base() {
    local debian own wanted context
    own=$(own_authorities)
    wanted=$(printf '%s\n%s\n' "$BASE_VERSION" "$own" | hash_inputs images/base)
    if [ "$(image_label $BASE_IMAGE)" = "$wanted" ] && [ -z "${REBUILD:-}" ]; then echo "$BASE_IMAGE is as it should be"; return; fi
    debian=$(debian_image)
    context=$(mktemp -d)
    cp images/base/Dockerfile "$context"
    if [ -n "$own" ]; then
        say "        This machine trusts certificate authorities of its own; they go into the local base image, so that builds can fetch packages."
        printf '%s\n' "$own" >"$context/own.pem"
        cat >>"$context/Dockerfile" <<'DOCKERFILE'
COPY own.pem /tmp/own.pem
RUN cd /usr/local/share/ca-certificates && awk '/-BEGIN CERT/{n++} {print > ("own-" n ".crt")}' /tmp/own.pem && rm /tmp/own.pem && update-ca-certificates
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
DOCKERFILE
    fi
    docker build ${REBUILD:+--no-cache} -t $BASE_IMAGE --label challengehub.inputs="$wanted" --build-arg DEBIAN_IMAGE="$debian" \
        --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy "$context"
    rm -rf "$context"
}

build_db_base() {
    local wanted image=$PREFIX/db-base:latest
    wanted=$(printf '%s\n' "$BASE_VERSION" "$(docker image inspect --format '{{.Id}}' $BASE_IMAGE)" | hash_inputs images/db/debian.Dockerfile)
    if [ "$(image_label $image)" = "$wanted" ] && [ -z "${REBUILD:-}" ]; then echo "$image is as it should be"; return; fi
    if { registry_answers && timeout 900 docker pull mysql:lts; } || docker image inspect mysql:lts >/dev/null 2>&1; then
        printf 'FROM mysql:lts\n' | docker build -t "$image" --label challengehub.inputs="$wanted" -
        return
    fi
    hint "no image registry answers, so MySQL is taken from Debian sid, which moves (see the log): try again in a day, or bring mysql:lts from another machine with 'docker save' and 'docker load'"
    docker build -f images/db/debian.Dockerfile ${REBUILD:+--no-cache} -t "$image" --label challengehub.inputs="$wanted" \
        --build-arg BASE_IMAGE="$BASE_IMAGE" --build-arg MIRROR="$MIRROR" --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy images/db
}

build_base
build_db_base
