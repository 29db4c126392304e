#!/bin/sh
# Starts Flotilla on the Node beside it, with the memory settings of the part that is to run.
here=$(dirname "$(readlink -f "$0")")
export FLOTILLA_PROGRAM="$here/flotilla"
case "$1" in
  # A small young generation and one malloc arena: measured by `./build.sh bench fleet`.
  master | agent) export MALLOC_ARENA_MAX=1; set -- --max-semi-space-size=1 --max-old-space-size=256 "$here/lib/flotilla.js" "$@" ;;
  *) set -- "$here/lib/flotilla.js" "$@" ;;
esac
exec "$here/node" --disable-warning=ExperimentalWarning "$@"
