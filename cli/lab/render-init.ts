/** The script that is PID 1 of a machine: it makes the machine's own view of the file system, then keeps its services up. */
import { lanAddress, type Machine, masterAddress } from './layout.ts'
import { folderOf } from './program.ts'
import { containerdConfigDir } from './render-containerd-config.ts'
import type { Lab } from './state.ts'

/** Of the master, as it sees it. */
export const masterDataDir = '/var/lib/flotilla/master'

export interface Service {
  name: string
  command: string[]
  /** Seconds between its end and its next start, as systemd's RestartSec. */
  restartSeconds: number
}

/** For `sh`, which as PID 1 also buries the orphans: its `wait` takes any child. */
export function renderInit(machine: Machine, lab: Pick<Lab, 'layout' | 'state'>, services: Service[]): string {
  const mounts = machine.role === 'board' ? boardMounts : masterMounts(lab)
  const logs = services.map(({ name }, index) => `exec ${logDescriptor(index)}>>${quote(`${machine.dir}/${name}.log`)}`)
  const starts = services.map(({ name, command, restartSeconds }, index) => {
    const words = command.map(quote).join(' ')
    return `supervise ${name} ${restartSeconds} ${words} >&${logDescriptor(index)} 2>&1 &`
  })
  return `# Written by 'flotilla lab' at each start of ${machine.name}.
set -eu
cd ${quote(machine.dir)}
hostname ${machine.name}
# Opened before the mounts below can hide the folder that they are in.
${logs.join('\n')}
mkdir -p stage/run stage/etc stage/var-lib stage/sys
umask 022
# mount keeps notes in /run/mount, which is not there while /run is being replaced.
mount() { command mount --no-mtab "$@"; }
mount -t tmpfs -o mode=755 tmpfs stage/run
${mounts}
cd /
ip link set lo up

supervise() {
  name=$1 delay=$2
  shift 2
  while :; do
    "$@" &
    echo $! > /run/$name.pid
    status=0
    wait $! || status=$?
    echo "lab: $name ended with status $status and starts again in $delay s"
    sleep $delay
  done
}
set +e
${starts.join('\n')}
: > /run/booted
while :; do wait; done
`
}

/**
 * An overlay adds our own files and mount points to /etc and /var/lib without a trace on the machine's. All is put together
 * under stage/ and moved into place at the end, since any of the places may hide the folder that the rest comes from.
 */
const overlay = `overlay() {
  mkdir -p stage/run/.lab/$2/upper stage/run/.lab/$2/work
  mount -t overlay -o lowerdir=$1,upperdir=stage/run/.lab/$2/upper,workdir=stage/run/.lab/$2/work overlay stage/$2
}`
const boardMounts = `${overlay}
mkdir -p containerd flotilla cni log
overlay /etc etc
mkdir -p stage/etc/cni/net.d stage${containerdConfigDir}
touch stage/etc/hostname stage/etc/hosts
mount --bind config/hostname stage/etc/hostname
mount --bind config/hosts stage/etc/hosts
mount --bind config/cni stage/etc/cni/net.d
mount --bind config/containerd stage${containerdConfigDir}
overlay /var/lib var-lib
mkdir -p stage/var-lib/containerd stage/var-lib/flotilla stage/var-lib/cni
mount --bind containerd stage/var-lib/containerd
mount --bind flotilla stage/var-lib/flotilla
mount --bind cni stage/var-lib/cni
# A new sysfs shows this network namespace's devices.
mount -t sysfs sysfs stage/sys
mount --rbind /sys/fs/cgroup stage/sys/fs/cgroup
if [ -d /sys/class/thermal ]; then mount --bind thermal stage/sys/class/thermal; fi
mount --bind log /var/log
mount --move stage/etc /etc
mount --move stage/sys /sys
mount --move stage/run /run
mount --move stage/var-lib /var/lib`

/**
 * The master's socket is for the users of this machine: its folder shows through. Its data are where a real one has them, which
 * its own user reaches wherever the lab is.
 */
/**
 * The master is not root, and the program may lie in somebody's home: for this machine alone, the topmost folder that is closed
 * to others becomes an empty open one, with the way to the program in it.
 */
const openWay = `open_way() {
  closed= above=$1
  while [ "$above" != / ]; do
    case $(stat -c %A "$above") in *[xt]) ;; *) closed=$above ;; esac
    above=$(dirname "$above")
  done
  [ -n "$closed" ] || return 0
  mkdir -p stage/program
  overlay "$1" program
  chmod 755 stage/program
  mount -t tmpfs -o mode=755 tmpfs "$closed"
  mkdir -p "$1"
  mount --move stage/program "$1"
}`

function masterMounts({ layout, state }: Pick<Lab, 'layout' | 'state'>): string {
  const through = `stage${layout.runDir}`
  return `${overlay}
${openWay}
open_way ${quote(folderOf(state.program))}
mkdir -p ${through}
mount --bind ${layout.runDir} ${through}
overlay /var/lib var-lib
mkdir -p stage/var-lib${masterDataDir.slice('/var/lib'.length)}
mount --bind data stage/var-lib${masterDataDir.slice('/var/lib'.length)}
mount --move stage/run /run
mount --move stage/var-lib /var/lib`
}

export function renderHosts(boards: Machine[]): string {
  const machines = [
    ['127.0.0.1', 'localhost'],
    ['::1', 'localhost ip6-localhost ip6-loopback'],
    [lanAddress, 'lan'],
    [masterAddress, 'master'],
    ...boards.map(({ address, name }) => [address, name]),
  ]
  return `${machines.map(([address, names]) => `${address}\t${names}`).join('\n')}\n`
}

/** One word of sh, whatever is in it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** 0 to 2 are the shell's own. */
function logDescriptor(index: number): number {
  return index + 3
}
