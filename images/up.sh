#!/usr/bin/env bash
# All of `make up`: from a machine with nothing on it to a running, checked installation. Each part that is as it should be is left alone, so
# running it again is quick and changes nothing. Arguments NAME=value are written to the settings file.
STEPS=13
. "$(dirname "$0")/lib.sh"
set -uo pipefail
start_log
began=$(seconds)

settings() {
    local line name value
    umask 077
    [ -e "$ENV_FILE" ] || cp .env.example "$ENV_FILE"
    chmod 600 "$ENV_FILE"
    for line in "$@" $(grep -E '^[A-Z_]+=' .env.example); do
        name=${line%%=*}
        # A setting that this version added; one that the caller names overrides.
        if ! grep -q "^$name=" "$ENV_FILE"; then echo "$line" >>"$ENV_FILE"; fi
    done
    for line in "$@"; do sed -i "s|^${line%%=*}=.*|$line|" "$ENV_FILE"; done
    for name in $(sed -nE 's/^([A-Z_]+_(PASSWORD|TOKEN|KEY))=$/\1/p' "$ENV_FILE"); do
        case $name in
        # Typed by a person.
        ADMIN_PASSWORD) value=$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n') ;;
        *) value=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n') ;;
        esac
        sed -i "s|^$name=\$|$name=$value|" "$ENV_FILE"
        echo "$name: made a random one"
    done
}

port_free() {
    local port
    port=$(setting CHALLENGEHUB_PORT)
    [ -z "$(compose ps -q proxy 2>/dev/null)" ] || return 0
    if (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        hint "write another CHALLENGEHUB_PORT into $ENV_FILE, or stop what uses port $port"
        echo "another program listens on port $port already"
        return 1
    fi
}

start() {
    # Said in full: set -e does not reach into what is called before an &&.
    port_free || return 1
    hint "see what the container says in the lines above; 'make down' and 'make up' start everything afresh, and keep the data"
    compose up -d --no-build || { logs_of_the_ill; return 1; }
}

state_of() { docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1"; }

logs_of_the_ill() {
    local name id
    for name in db proxy hub grader; do
        id=$(compose ps -q $name)
        [ -n "$id" ] && [ "$(state_of "$id")" = healthy ] && continue
        echo "--- $name is not healthy; its last lines:"
        [ -z "$id" ] || docker logs --tail 12 "$id" 2>&1
    done
}

healthy() {
    local name waiting tries=0
    hint "see what the container says in the lines above (docker logs says more), mend it, and run the same command again"
    while :; do
        waiting=
        for name in db proxy hub grader; do [ "$(state_of "$(compose ps -q $name)")" = healthy ] || waiting="$waiting $name"; done
        [ -n "$waiting" ] || return 0
        echo "waiting for$waiting"
        tries=$((tries + 1))
        if [ $tries -gt 90 ]; then
            logs_of_the_ill
            return 1
        fi
        sleep 1
    done
}

self_check() {
    hint "the parts run but a submission does not get through; the lines above say where it stopped"
    setting SELF_CHECK_TOKEN | docker exec -i "$(compose ps -q grader)" /opt/challengehub/bin/python -m grader.selfcheck >"$LOG.selfcheck"
}

start_and_wait() { start && healthy; }

step "Settings ($ENV_FILE)" settings "$@"
if images/engine.sh needed; then
    echo "        No container engine answers on this machine: installing and starting one (Docker, from the system's own packages)."
    root_first
fi
step "Container engine" images/engine.sh ready
if ! docker version >/dev/null 2>&1; then
    # Membership of the group docker counts from the next sign-in on; sg takes it up at once.
    if [ -z "${CHALLENGEHUB_SG:-}" ] && have sg; then CHALLENGEHUB_SG=1 exec sg docker -c "'$0' $*"; fi
    echo "The engine runs, but $(id -un) may not use it yet. Sign out and in again, then run the same command again."
    exit 1
fi
if ! docker image inspect $BASE_IMAGE >/dev/null 2>&1; then root_first; fi
step "Base images" images/base.sh
step "gVisor" images/engine.sh gvisor
for name in db proxy hub grader sandbox notebook; do step "Image $name" images/build.sh $name; done
step "Python environment (.venv)" images/venv.sh "${CHALLENGEHUB_EXTRA:-grader}"
step "Start, and wait for every part" start_and_wait
step "Self-check: one real submission" self_check

cat <<DONE

ChallengeHub is up after $(($(seconds) - began)) s:  http://$(setting CHALLENGEHUB_BIND):$(setting CHALLENGEHUB_PORT)
  self-check  $(tail -n 1 "$LOG.selfcheck")
  sign in as  $(setting ADMIN_USER), password: $(if [ -n "$TTY" ]; then setting ADMIN_PASSWORD; else echo "ADMIN_PASSWORD in $ENV_FILE"; fi)
  learners    make their own account on the same page
DONE
