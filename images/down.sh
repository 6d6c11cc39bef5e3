#!/usr/bin/env bash
# down.sh stop: stops every container of this installation; the data stays.
# down.sh erase [--yes]: that, and deletes the data: the database and learners' homes. Asks first.
. "$(dirname "$0")/lib.sh"
set -euo pipefail
project=$(setting COMPOSE_PROJECT_NAME)
what=${1:-stop}
if [ -z "$project" ]; then
    echo "There is no $ENV_FILE here, so nothing was started from this checkout."
    exit 0
fi
volumes() { docker volume ls -q --filter "label=challengehub=$project"; }
if [ "$what" = erase ] && [ "${2:-}" != --yes ] && [ "${YES:-}" != 1 ]; then
    echo "This deletes everything that people made here: accounts, submissions, results, and every learner's files:"
    volumes | sed 's/^/    /'
    if ! [ -t 0 ]; then
        echo "Nobody is there to ask. To do it all the same: YES=1 make erase"
        exit 1
    fi
    read -r -p "Type $project to delete it all: " answer
    [ "$answer" = "$project" ] || { echo "Nothing was deleted."; exit 1; }
fi
{
    # First what would start new containers, then those that it started, then the rest.
    compose stop hub grader
    stack_containers | while read -r id; do
        [ -n "$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id")" ] || docker rm -f "$id"
    done
    compose down
} >>"$LOG" 2>&1 || { tail -n 15 "$LOG"; exit 1; }
if [ "$what" = erase ]; then
    volumes | xargs -r docker volume rm >>"$LOG" 2>&1 || { tail -n 15 "$LOG"; exit 1; }
    echo "Stopped, and the data is deleted. Settings stay in $ENV_FILE."
else
    echo "Stopped. The data stays; 'make up' goes on where it was."
fi
