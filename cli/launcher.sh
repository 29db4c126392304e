#!/bin/sh
# Starts Flotilla on the Node beside it, with the memory settings of the part that is to run; `./build.sh bench fleet` measures them.
set -eu
here=$(dirname "$(readlink -f "$0")")
export FLOTILLA_PROGRAM="$here/flotilla"
# Read from here by images/program/launch-flags.ts too. A small young generation. The agent mostly waits: interpreting its code takes
# no more CPU that could be measured, and 10 MiB less memory than compiling it.
agent_flags='--jitless --max-semi-space-size=1 --max-old-space-size=128'
master_flags='--max-semi-space-size=1 --max-old-space-size=256'
case "${1-}" in
  agent) flags=$agent_flags ;;
  master) flags=$master_flags ;;
  *) flags= ;;
esac
# One malloc arena.
[ -z "$flags" ] || export MALLOC_ARENA_MAX=1
# shellcheck disable=SC2086 # several words
exec "$here/node" --disable-warning=ExperimentalWarning $flags "$here/lib/flotilla.js" "$@"
