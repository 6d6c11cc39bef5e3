#!/usr/bin/env bash
# All of `make test`: a second installation beside the one people use, on a port and with secrets of its own; every test; and away with it again.
#   test.sh [PYTEST ARGUMENT...]     KEEP=1 leaves the installation running, to look at; IMAGE_TAG=name makes images and an installation of that
#                                    name, so that several checkouts can be tested on one machine at the same time
# Exit code: pytest's, or 1 if there was nothing to run it on. What its containers said is in logs/test-containers.log.
export CHALLENGEHUB_ENV_FILE=.env.test CHALLENGEHUB_EXTRA=test
STEPS=1
. "$(dirname "$0")/lib.sh"
set -uo pipefail
start_log

install_browsers() {
    local missing=()
    have chromium && chromium --version || missing+=(chromium)
    have firefox-esr && firefox-esr --version || missing+=(firefox)
    [ ${#missing[@]} -gt 0 ] || return 0
    . /etc/os-release
    # Ubuntu's packages are pointers to snaps, which containers and minimal servers cannot run.
    if [ "${ID:-}" = ubuntu ] || ! have apt-get; then
        hint "give these browsers to the tests by hand, then run the same command again: .venv/bin/python -m playwright install ${missing[*]}"
        .venv/bin/python -m playwright install --with-deps "${missing[@]}"
    else
        hint "install the browsers Chromium and Firefox ESR, so that 'chromium' and 'firefox-esr' are commands, and run the same command again"
        apt_install chromium firefox-esr fonts-dejavu-core
    fi
}

finish() {
    local name
    trap - EXIT INT TERM
    for name in $(stack_containers); do
        printf '\n===== %s\n' "$(docker inspect --format '{{.Name}} {{.Config.Image}} {{.State.Status}}' "$name")"
        docker logs --timestamps "$name" 2>&1
    done >logs/test-containers.log
    [ -n "${KEEP:-}" ] || images/down.sh erase --yes >/dev/null
}

# What a test run that was cut short left behind.
if [ -e "$ENV_FILE" ] && have docker; then images/down.sh erase --yes >/dev/null 2>&1; fi
rm -f "$ENV_FILE"
trap 'exit 130' INT TERM
trap finish EXIT
port=
while [ -z "$port" ]; do
    port=$((20000 + RANDOM % 20000))
    if (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then port=; fi
done
images/up.sh COMPOSE_PROJECT_NAME=challengehub-test${IMAGE_TAG:+-$IMAGE_TAG} CHALLENGEHUB_PORT=$port IMAGE_TAG=${IMAGE_TAG:-latest} SANDBOX_POOL_SIZE=2 || exit 1
export SANDBOX_IMAGE=$PREFIX/sandbox:${IMAGE_TAG:-latest} DB_IMAGE=$PREFIX/db:${IMAGE_TAG:-latest}
[ "$(id -u)" = 0 ] || { have chromium && have firefox-esr; } || root_first
step "Browsers" install_browsers

rc=0
# sg: the group docker may be so new that this shell is not in it yet.
set -- --numprocesses=3 --dist=loadgroup "$@" # the lanes of tests/conftest.py; three, for two processors; ARGS=-n0 is one process, to debug in
if docker version >/dev/null 2>&1; then .venv/bin/python -m pytest "$@" </dev/null || rc=$?; else
    sg docker -c ".venv/bin/python -m pytest $*" </dev/null || rc=$?
fi
exit $rc
