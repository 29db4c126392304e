/**
 * A throw-away board: its own mount, UTS, PID and network namespaces with a real containerd inside, for tests of the agent.
 * The namespaces end with the test process, however that ends: their first process reads a pipe that only the test holds.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { removePodCgroup } from '../../agent/runtime/cgroups.ts'
import { helloImage, helloSpec } from '../../images/hello.ts'
import { localArchitecture, writeOciArchive } from '../../images/oci-archive.ts'
import { pauseImage, pauseSpec } from '../../images/pause.ts'
import { sleep, systemClock } from '../../kit/clock.ts'

export { helloImage as boardImage }

export interface TestBoard {
  name: string
  /** On this machine's disk, seen at the same path from inside: for logs, exec pipes, files to mount. */
  directory: string
  socketPath: string
  /** Under which pods' cgroups go; removed with all below it. */
  cgroupParent: string
  /** The first process of its namespaces, as this machine sees it. */
  readonly initPid: number
  /** Runs a command in all of the board's namespaces; rejects unless it exits with 0. */
  run(argv: string[]): Promise<{ stdout: string; stderr: string }>
  /** Starts a command there; it dies with the board. */
  spawn(argv: string[]): ChildProcess
  /** Imports an OCI archive. */
  importImage(archive: string): Promise<void>
  /** SIGKILL for containerd alone: pods live on. */
  killContainerd(): Promise<void>
  startContainerd(): Promise<void>
  /** Ends everything and removes every trace. Idempotent. */
  stop(): Promise<void>
}

const execute = promisify(execFile)
const commandTimeoutMs = 60_000
const readyTimeoutMs = 30_000
const pollMs = 25
const tools = ['unshare', 'nsenter', 'containerd', 'ctr', 'runc', 'mkfifo', 'ptp', 'host-local']

/** False, with the reason logged, where boards cannot be made; on CI that is a failure instead. */
export function canStartBoard(t: Pick<ExecutionContext, 'log' | 'pass' | 'fail'>): boolean {
  const places = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/lib/cni']
  const missing = tools.filter(tool => !places.some(place => existsSync(join(place, tool))))
  const reasons = [...missing.map(tool => `${tool} is missing`), ...(process.getuid?.() === 0 ? [] : ['not root'])]
  if (reasons.length === 0) return true
  const why = `boards cannot be made: ${reasons.join(', ')}`
  if (process.env['CI']) t.fail(why)
  else {
    t.log(why)
    t.pass()
  }
  return false
}

/** A board with a pod network, and with the pause image and `boardImage` on it (in `directory` as pause.tar and hello.tar). */
export async function startBoard(name: string): Promise<TestBoard> {
  const directory = await mkdtemp(join(tmpdir(), 'fb-'))
  await chmod(directory, 0o755) // containers run as somebody else, and tests mount from here
  const board = new Board(name, directory)
  try {
    await board.start()
    return board
  } catch (error) {
    await board.stop()
    throw error
  }
}

class Board implements TestBoard {
  readonly name: string
  readonly directory: string
  readonly socketPath: string
  readonly cgroupParent: string
  #holder: ChildProcess | undefined
  initPid = 0
  #containerd: ChildProcess | undefined

  constructor(name: string, directory: string) {
    this.name = name
    this.directory = directory
    this.socketPath = join(directory, 'containerd.sock')
    this.cgroupParent = `/flotilla-test-${directory.split('-').at(-1)}`
  }

  async start(): Promise<void> {
    await writeFile(join(this.directory, 'containerd.toml'), renderConfig(this.directory, this.socketPath))
    await mkdir(join(this.directory, 'cni'))
    await writeFile(join(this.directory, 'cni', '10-pods.conflist'), renderCni(this.directory))
    await this.#makeNamespaces()
    await this.startContainerd()
    for (const [file, spec] of Object.entries({
      'pause.tar': await pauseSpec(localArchitecture()),
      'hello.tar': await helloSpec(localArchitecture()),
    })) {
      const path = join(this.directory, file)
      await writeOciArchive({ ...spec, path })
      await this.importImage(path)
    }
  }

  spawn(argv: string[]): ChildProcess {
    const [command = '', ...rest] = this.#inside(argv)
    return spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  }

  run(argv: string[]): Promise<{ stdout: string; stderr: string }> {
    const [command = '', ...rest] = this.#inside(argv)
    return execute(command, rest, { timeout: commandTimeoutMs })
  }

  async importImage(archive: string): Promise<void> {
    await this.run(['ctr', '--address', this.socketPath, '--namespace', 'k8s.io', 'images', 'import', archive])
  }

  async startContainerd(): Promise<void> {
    const log = join(this.directory, 'containerd.log')
    const config = join(this.directory, 'containerd.toml')
    this.#containerd = this.spawn(['sh', '-c', `exec containerd --config ${config} >>${log} 2>&1`])
    await until(
      () => isListening(this.socketPath),
      () => `containerd is not up: ${readFileSync(log, 'utf8').slice(-2000)}`,
    )
  }

  async killContainerd(): Promise<void> {
    const nsenter = this.#containerd
    if (!nsenter?.pid) return
    for (const pid of childrenOf(nsenter.pid)) process.kill(pid, 'SIGKILL')
    if (nsenter.exitCode === null && nsenter.signalCode === null) await once(nsenter, 'exit')
    this.#containerd = undefined
  }

  async stop(): Promise<void> {
    const holder = this.#holder
    if (holder && holder.exitCode === null && holder.signalCode === null) {
      const exited = once(holder, 'exit')
      // The end of its input is the end of the namespaces' first process, and with it of everything in them.
      holder.stdin?.end()
      await exited
    }
    await removePodCgroup(this.cgroupParent, { clock: systemClock })
    await rm(this.directory, { recursive: true, force: true })
  }

  async #makeNamespaces(): Promise<void> {
    const namespaces = ['--mount', '--uts', '--pid', '--net', '--fork', '--kill-child', '--mount-proc']
    // Of the machine's own places, containerd, CNI and the agent write to /run, /var/lib and /var/log: here those are the board's.
    const script = `hostname ${this.name} && ip link set lo up && mount -t tmpfs tmpfs /run &&
      mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /var/log && echo ready && cat >/dev/null`
    const argv = [...namespaces, '--propagation', 'private', 'sh', '-c', script]
    this.#holder = spawn('unshare', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
    const [ready] = await Promise.race([once(this.#holder.stdout!, 'data'), once(this.#holder, 'exit')])
    if (String(ready) !== 'ready\n') throw new Error(`cannot make a board: because unshare ended with ${ready}`)
    this.initPid = childrenOf(this.#holder.pid!)[0]!
  }

  #inside(argv: string[]): string[] {
    const target = String(this.initPid)
    return ['nsenter', '--target', target, '--mount', '--uts', '--pid', '--net', '--', ...argv]
  }
}

function renderConfig(directory: string, socketPath: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "${socketPath}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[${cri}]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[${cri}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${directory}/cni"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
`
}

function renderCni(directory: string): string {
  const ipam = {
    type: 'host-local',
    dataDir: `${directory}/addresses`,
    ranges: [[{ subnet: '10.244.9.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  }
  return JSON.stringify({ cniVersion: '0.4.0', name: 'pods', plugins: [{ type: 'ptp', ipam }] })
}

function childrenOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const lists = tasks.map(task => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'))
  return lists.flatMap(list => list.split(' ').filter(Boolean).map(Number))
}

function isListening(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(socketPath, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function until(holds: () => Promise<boolean>, why: () => string): Promise<void> {
  const deadline = systemClock.monotonic() + readyTimeoutMs
  while (!(await holds())) {
    if (systemClock.monotonic() > deadline) throw new Error(why())
    await sleep(systemClock, pollMs)
  }
}
