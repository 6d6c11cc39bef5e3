#!/usr/bin/env bash
# Sees to a container engine that answers, with a compose command, and to gVisor's runtime where that can be had.
#   engine.sh needed   exit 0 if something has to be installed or started (so that the caller can say so and ask for root rights first)
#   engine.sh ready    install and start what is missing
#   engine.sh gvisor   install runsc and tell the engine of it; without it sandboxes run in the engine's own runtime
. "$(dirname "$0")/lib.sh"
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

engine_answers() { docker version --format '{{.Server.Version}}' 2>/dev/null | grep -q .; }
socket_refused() { [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; }
compose_there() { docker compose version >/dev/null 2>&1 || docker-compose version >/dev/null 2>&1; }
needed() { ! { engine_answers && compose_there; }; }

install_engine() {
    hint "install Docker Engine and Compose (https://docs.docker.com/engine/install/), start it, and run the same command again"
    if ! have apt-get; then
        echo "No container engine answers, and only Debian and Ubuntu are known here well enough to install one."
        return 1
    fi
    local packages=()
    have docker && have dockerd || { packages+=(docker.io iptables); ! apt_knows docker-cli || packages+=(docker-cli); }
    if ! compose_there; then
        # Ubuntu has Compose v2 under this name; Debian's docker-compose is 1.29 or v2, as its age goes.
        if apt_knows docker-compose-v2; then packages+=(docker-compose-v2); else packages+=(docker-compose); fi
    fi
    [ ${#packages[@]} = 0 ] || apt_install "${packages[@]}"
}

start_engine() {
    if [ -d /run/systemd/system ]; then
        hint "see why with: systemctl status docker; journalctl -u docker"
        as_root systemctl enable --now docker
    else
        hint "the engine's own log says why it does not start: $DOCKERD_LOG"
        echo "no systemd here: starting dockerd by hand; its log is $DOCKERD_LOG"
        # A session of its own, no terminal, no inherited descriptor: it outlives this command and holds nothing of it open.
        as_root sh -c "setsid nohup dockerd >>$DOCKERD_LOG 2>&1 </dev/null 3>&- &"
    fi
    local tries=0
    until engine_answers || socket_refused; do
        tries=$((tries + 1))
        if [ $tries -gt 120 ]; then
            echo "the engine did not answer within 60 s"
            as_root tail -n 20 $DOCKERD_LOG 2>/dev/null || true
            return 1
        fi
        sleep 0.5
    done
}

ready() {
    needed || { echo "engine $(docker version --format '{{.Server.Version}}') answers"; return 0; }
    # Asked for by apt-cache below, and empty on a fresh machine.
    if have apt-get && { ! have dockerd || ! compose_there; }; then as_root apt-get -o DPkg::Lock::Timeout=300 update -q || true; fi
    if { ! engine_answers && ! socket_refused; } || ! compose_there; then install_engine; fi
    engine_answers || socket_refused || start_engine
    if ! engine_answers && [ "$(id -u)" != 0 ]; then
        say "        Adding $(id -un) to the group docker, so that the engine can be used without sudo."
        as_root usermod -aG docker "$(id -un)"
    fi
}

# ---- gVisor ----

runsc_path() { command -v runsc || { [ -x /usr/local/lib/challengehub/runsc ] && echo /usr/local/lib/challengehub/runsc; }; }
engine_has_runsc() { docker info --format '{{range $name, $_ := .Runtimes}}{{$name}} {{end}}' | grep -qw runsc; }

fetch_runsc() {
    # The package of Debian trixie is a static binary that runs on older systems too; theirs are too old for the systrap platform. Fetched
    # with a configuration of its own, so that the machine's package sources stay as they are; the signature is checked as always.
    local dir arch
    arch=$(dpkg --print-architecture)
    case $arch in amd64 | arm64) ;; *) echo "gVisor does not run on $arch"; return 1 ;; esac
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || apt_install debian-archive-keyring || return 1
    dir=$(mktemp -d)
    chmod 755 "$dir"
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/empty"
    echo "deb [arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $MIRROR trixie main" >"$dir/sources.list"
    local apt=(apt-get -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts="$dir/empty" -o Dir::State::lists="$dir/lists"
        -o Dir::Cache="$dir/cache" -o Dir::State::status="$dir/status" -o Acquire::Languages=none -o APT::Sandbox::User=root)
    : >"$dir/status"
    if "${apt[@]}" update -q && (cd "$dir" && "${apt[@]}" download -q runsc) && dpkg-deb -x "$dir"/runsc_*.deb "$dir/files"; then
        as_root install -D -m 0755 "$dir/files/usr/bin/runsc" /usr/local/lib/challengehub/runsc
        rm -rf "$dir"
        return 0
    fi
    rm -rf "$dir"
    return 1
}

# set_runtime PATH|"": adds runsc to the engine's configuration, or takes it out; everything else in the file stays. Then the engine rereads it.
set_runtime() {
    as_root python3 - "$1" <<'PY'
import json, os, sys
path = "/etc/docker/daemon.json"
runsc = sys.argv[1]
config = {}
if os.path.exists(path):
    with open(path) as file:
        text = file.read()
    config = json.loads(text) if text.strip() else {}
runtimes = config.setdefault("runtimes", {})
if runsc:
    runtimes["runsc"] = {"path": runsc, "runtimeArgs": ["--network=none", "--platform=systrap"]}
else:
    runtimes.pop("runsc", None)
if not runtimes:
    del config["runtimes"]
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path + ".new", "w") as file:
    json.dump(config, file, indent=2)
    file.write("\n")
os.replace(path + ".new", path)
PY
    if [ -d /run/systemd/system ]; then as_root systemctl reload docker; else
        local pid
        pid=$(cat /var/run/docker.pid 2>/dev/null || pidof -s dockerd)
        as_root kill -HUP "$pid"
    fi
    local tries=0
    until { [ -n "$1" ] && engine_has_runsc; } || { [ -z "$1" ] && ! engine_has_runsc; }; do
        tries=$((tries + 1))
        [ $tries -lt 40 ] || return 1
        sleep 0.25
    done
}

runsc_works() { timeout 60 docker run --rm --runtime=runsc --network=none $BASE_IMAGE true; }

gvisor() {
    case $(setting SANDBOX_RUNTIME) in runc) echo "SANDBOX_RUNTIME=runc: gVisor is not asked for"; return 0 ;; esac
    local wanted=
    [ "$(setting SANDBOX_RUNTIME)" != runsc ] || wanted=1
    if engine_has_runsc; then echo "the engine has runsc"; return 0; fi
    # Tried before and found not to work: not tried again at every start, unless it is asked for by name.
    if [ -e logs/no-gvisor ] && [ -z "$wanted" ] && [ -z "${REBUILD:-}" ]; then cat logs/no-gvisor; return 0; fi
    if ! runsc_path >/dev/null && ! { have apt-get && fetch_runsc; }; then
        no_gvisor "gVisor (runsc) could not be installed"
    elif ! set_runtime "$(runsc_path)"; then
        no_gvisor "the engine does not take runsc as a runtime"
    elif ! runsc_works; then
        set_runtime "" || true
        no_gvisor "gVisor (runsc) does not run on this machine"
    else
        say "        gVisor installed: sandboxes get a kernel of their own."
    fi
}

no_gvisor() {
    hint "set SANDBOX_RUNTIME=auto in $ENV_FILE, or see in the log above why runsc cannot be used"
    say "        $1; sandboxes will run in the engine's own runtime (runc)."
    echo "$1" >logs/no-gvisor
    [ -z "$wanted" ]
}

case ${1:-} in
needed) needed ;;
ready) ready ;;
gvisor) gvisor ;;
*) echo "usage: engine.sh needed|ready|gvisor" >&2; exit 2 ;;
esac
