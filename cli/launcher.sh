#!/bin/sh
# Starts Flotilla on the Node beside it, with the memory settings of the part that is to run; `./build.sh bench fleet` measures them.
here=$(dirname "$(readlink -f "$0")")
export FLOTILLA_PROGRAM="$here/flotilla"
case "$1" in
  # One malloc arena and a small young generation. The agent mostly waits: interpreting its code takes no more CPU that
  # could be measured, and 10 MiB less memory than compiling it.
  agent) export MALLOC_ARENA_MAX=1; set -- --jitless --max-semi-space-size=1 --max-old-space-size=128 "$here/lib/flotilla.js" "$@" ;;
  master) export MALLOC_ARENA_MAX=1; set -- --max-semi-space-size=1 --max-old-space-size=256 "$here/lib/flotilla.js" "$@" ;;
  *) set -- "$here/lib/flotilla.js" "$@" ;;
esac
exec "$here/node" --disable-warning=ExperimentalWarning "$@"
