# shellcheck shell=bash disable=SC2034
# Shared by the scripts of this folder: printing of steps, the log file, root rights, settings, the engine's commands.
# Sourced, never run. Callers set STEPS (how many steps they will print) first.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0 DOCKER_CLI_HINTS=false DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1
# One file says which stack a command is about: .env for the one people use, .env.test for the tests' own copy.
ENV_FILE=${CHALLENGEHUB_ENV_FILE:-.env}
PREFIX=challengehub
BASE_IMAGE=$PREFIX/base:trixie
MIRROR=${CHALLENGEHUB_DEBIAN_MIRROR:-http://deb.debian.org/debian}
# Where an engine that we have to start by hand (no systemd) writes its log.
DOCKERD_LOG=/var/log/dockerd.log
mkdir -p logs
STEPS=${STEPS:-0}
STEP=0
# A script that runs as a step of another writes into that one's log; descriptor 3 is then the person's terminal already.
if [ -z "${CHALLENGEHUB_STEP_LOG:-}" ]; then exec 3>&1; fi
LOG=${CHALLENGEHUB_STEP_LOG:-$ROOT/logs/$(basename "$0" .sh)${ENV_FILE#.env}.log}
HINT=$LOG.hint
[ -t 3 ] && TTY=1 || TTY=

# Text for the person in front of the terminal, also from inside a step (whose own output goes to the log).
say() { [ -n "$TTY" ] && printf '\r\033[K' >&3; printf '%s\n' "$*" >&3; printf '## %s\n' "$*" >>"$LOG"; }
# What to do if the running step fails; the last call wins.
hint() { printf '%s\n' "$*" >"$HINT"; }
have() { command -v "$1" >/dev/null 2>&1; }
seconds() { date +%s; }
start_log() { : >"$LOG"; printf '# %s %s\n' "$(date -u +%FT%TZ)" "$0" >>"$LOG"; }

# step TITLE COMMAND...: run COMMAND with its output in the log, showing progress; on failure say which step, why, what to do, and exit.
# COMMAND runs in a subshell: it cannot set variables of the caller.
step() {
    local title=$1 began pid rc note=0 elapsed last
    shift
    STEP=$((STEP + 1))
    began=$(seconds)
    : >"$HINT"
    printf '\n## step %s: %s\n' "$STEP" "$title" >>"$LOG"
    local label
    label=$(printf '[%2d/%d] %-34s' "$STEP" "$STEPS" "$title")
    [ -n "$TTY" ] && printf '%s' "$label" >&3
    # set -e would be switched off if this were the operand of || or if; a background job keeps it.
    (set -e; export CHALLENGEHUB_STEP_LOG=$LOG; "$@") </dev/null >>"$LOG" 2>&1 3>&3 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        elapsed=$(($(seconds) - began))
        [ "$elapsed" -gt "$note" ] || continue
        if [ -n "$TTY" ]; then
            note=$elapsed
            last=$(tail -n 1 "$LOG" | tr -cd '[:print:]' | cut -c1-50)
            printf '\r\033[K%s %4d s  %s' "$label" "$elapsed" "$last" >&3
        elif [ "$elapsed" -ge $((note + 20)) ]; then
            note=$elapsed
            printf '%s %4d s …\n' "$label" "$elapsed" >&3
        fi
    done
    rc=0
    wait "$pid" || rc=$?
    [ -n "$TTY" ] && printf '\r\033[K' >&3
    elapsed=$(($(seconds) - began))
    if [ "$rc" = 0 ]; then
        printf '%s done %4d s\n' "$label" "$elapsed" >&3
        return 0
    fi
    printf '%s FAILED after %d s. The last lines of its output:\n\n' "$label" "$elapsed" >&3
    tail -n 25 "$LOG" | grep -v '^## step' | tail -n 15 | sed 's/^/    /' >&3
    printf '\nEverything it printed is in %s\n' "$LOG" >&3
    if [ -s "$HINT" ]; then printf 'What to do: %s\n' "$(cat "$HINT")" >&3; else
        printf 'What to do: mend what the lines above say, then run the same command again; steps that are done are not repeated.\n' >&3; fi
    exit "$rc"
}

# Run as root. sudo keeps proxy settings that apt needs.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; return; fi
    have sudo || { hint "run this as root, or install sudo"; echo "root rights are needed for: $*"; return 1; }
    sudo --preserve-env=http_proxy,https_proxy,no_proxy,DEBIAN_FRONTEND "$@"
}

# Ask for the sudo password once, in the foreground, before a step that needs it.
root_first() {
    [ "$(id -u)" = 0 ] || ! have sudo || sudo -n true 2>/dev/null || { echo "Root rights are needed for this. sudo may ask for your password:"; sudo -v; }
}

# apt PACKAGE...: install what is missing; package lists are fetched only when something is.
apt_install() {
    local missing=() name
    for name in "$@"; do dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name"); done
    [ ${#missing[@]} = 0 ] && return 0
    have apt-get || { hint "install these with your system's package manager, then run the same command again: ${missing[*]}"; return 1; }
    as_root apt-get -o DPkg::Lock::Timeout=300 update -q || echo "some package lists could not be fetched; trying with those that are there"
    as_root apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "${missing[@]}"
}
apt_knows() { apt-cache show "$1" >/dev/null 2>&1; }

# The value of a setting in the stack's settings file.
setting() { sed -n "s/^$1=//p" "$ENV_FILE" 2>/dev/null | tail -n 1; }

# docker-compose 1.29 and Compose v2 alike, always about the stack of ENV_FILE.
compose() {
    local command
    if docker compose version >/dev/null 2>&1; then command="docker compose"; else command=docker-compose; fi
    # The file is the only source: a variable left in somebody's shell must not override it.
    local name unset=()
    for name in $(sed -n 's/^\([A-Z_]*\)=.*/\1/p' "$ENV_FILE"); do unset+=(-u "$name"); done
    env "${unset[@]}" COMPOSE_PROJECT_NAME="$(setting COMPOSE_PROJECT_NAME)" COMPOSE_IGNORE_ORPHANS=1 \
        $command --project-directory "$ROOT" -f "$ROOT/compose.yaml" --env-file "$ENV_FILE" "$@"
}

# Containers of this stack, also those that the Hub and the grader started themselves.
stack_containers() { docker ps -aq --filter "label=challengehub=$(setting COMPOSE_PROJECT_NAME)"; }

# Hash of files (folders: everything in them that a build would see) and of further text on standard input.
hash_inputs() {
    { cat; find "$@" -type d \( -name node_modules -o -name __pycache__ -o -name lib -o -name .git -o -name '*.egg-info' \) -prune \
        -o -type f ! -name '*.pyc' ! -name '*.tsbuildinfo' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-32
}
image_label() { docker image inspect --format '{{index .Config.Labels "challengehub.inputs"}}' "$1" 2>/dev/null || true; }
