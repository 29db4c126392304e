import { Readable } from 'node:stream'
import test from 'ava'
import type { BoardView } from '../../../../agent/board/doctor/board-view.ts'
import { doctorCommandAt } from '../../../../agent/doctor-command.ts'
import type { LineInput } from '../../../../agent/join-input.ts'
import { prepareBoard } from '../../../../agent/prepare-board.ts'
import { runCommandLine } from '../../../../kit/command-line.ts'
import { CrashDisk } from '../crash-disk.ts'
import { type FakeBoard, fakeView } from './fake-view.ts'

const sysctlPath = '/etc/sysctl.d/60-flotilla.conf'
const unset: FakeBoard = { files: { [sysctlPath]: undefined, '/proc/sys/net/ipv4/ip_forward': '0' } }
const broken: FakeBoard = { programs: { containerd: undefined } }

interface Ran {
  status: number
  stdout: string
  stderr: string
  disk: CrashDisk
  commands: string[]
}

/** A view whose files are the disk's as well, so that what is mended is seen. */
function onDisk(board: FakeBoard, disk: CrashDisk, commands: string[]): BoardView {
  const view = fakeView(board)
  return {
    ...view,
    read: async path => (await disk.read(path)) ?? (await view.read(path)),
    run: async (argv, options) => {
      commands.push(argv.join(' '))
      return view.run(argv, options)
    },
  }
}

async function doctor(args: string[], board: FakeBoard, stdin: LineInput = Readable.from([])): Promise<Ran> {
  const [disk, commands, said] = [new CrashDisk(), [] as string[], { stdout: '', stderr: '' }]
  const to = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      said[name] += text
    },
  })
  const streams = { stdout: to('stdout'), stderr: to('stderr') }
  const command = doctorCommandAt({ stdin, ...streams, disk, view: () => onDisk(board, disk, commands) })
  const root = { name: 'flotilla', summary: '', commands: [command] }
  return { status: await runCommandLine(root, ['doctor', ...args], streams), ...said, disk, commands }
}

const terminalWith = (text: string): LineInput => Object.assign(Readable.from([text]), { isTTY: true })

test('warnings are told with why and what to do, and end well', async t => {
  const { status, stdout } = await doctor([], unset)
  t.is(status, 0)
  t.regex(stdout, /^✔ board +Raspberry Pi 4 Model B Rev 1.4, arm64/m)
  t.regex(stdout, /^! forwarding +off\n +why: .*\n +fix: sysctl -w/m)
  t.regex(stdout, /A node can live here\. 2 could be better\./)
})

test('what a node cannot do without ends with 1', async t => {
  const { status, stdout } = await doctor([], broken)
  t.is(status, 1)
  t.regex(stdout, /^✘ containerd +not installed$/m)
  t.regex(stdout, /A node cannot live here yet: 1 of 15/)
})

test('JSON has all findings, and no colours or words beside', async t => {
  const { status, stdout } = await doctor(['-o', 'json'], broken)
  const findings = JSON.parse(stdout) as Array<{ name: string; level: string; mendable: boolean }>
  t.is(status, 1)
  t.is(findings.length, 15)
  t.like(
    findings.find(({ name }) => name === 'containerd'),
    { level: 'failure', mendable: true },
  )
})

test('--fix shows what it will do, and does nothing without a yes', async t => {
  for (const stdin of [Readable.from([]), terminalWith('n\n'), terminalWith('\n')]) {
    const { status, stderr, disk, commands } = await doctor(['--fix'], unset, stdin)
    t.is(status, 2)
    t.regex(stderr, /To be done:\n {2}run {3}sysctl -w net.ipv4.ip_forward=1\n {2}write \/etc\/sysctl.d/)
    t.regex(stderr, /Nothing was changed/)
    t.deepEqual(disk.files(), {})
    t.false(commands.includes('sysctl -w net.ipv4.ip_forward=1'))
  }
})

test('--fix with a yes writes beside what is there, tells the system, and looks again', async t => {
  for (const [args, stdin] of [
    [['--fix', '--yes'], Readable.from([])],
    [['--fix'], terminalWith('yes\n')],
  ] as const) {
    const { status, stdout, stderr, disk, commands } = await doctor([...args], unset, stdin)
    t.is(status, 0)
    t.deepEqual(Object.keys(disk.files()), [sysctlPath])
    t.is(disk.modeOf(sysctlPath), 0o644)
    t.true(commands.includes('sysctl -w net.ipv4.ip_forward=1'))
    t.true(commands.includes('systemctl daemon-reload'))
    t.regex(stderr, /✔ write \/etc\/sysctl.d/)
    t.regex(stdout.slice(stdout.indexOf('could be better')), /^✔ settings/m, 'the second look finds it mended')
  }
})

test('packages are installed from fresh lists, and none that the owner has is removed for them', async t => {
  const { commands } = await doctor(['--fix', '--yes'], { programs: { containerd: undefined, conntrack: undefined } })
  t.deepEqual(
    commands.filter(command => command.startsWith('apt-get')),
    ['apt-get update', 'apt-get install -y --no-remove conntrack', 'apt-get install -y --no-remove containerd'],
  )
})

test('JSON is whole also when --fix is declined, and the words are of where it was asked', async t => {
  const { status, stdout, stderr } = await doctor(['--fix', '-o', 'json'], broken, terminalWith('n\n'))
  t.is(status, 2)
  t.is((JSON.parse(stdout) as unknown[]).length, 15)
  t.regex(stderr, /Nothing was changed\.\n$/)
  t.regex((await doctor(['--fix'], broken)).stderr, /no terminal to ask at: say --yes/)
})

test('a repair that fails is told, and the others are done', async t => {
  const programs = { 'sysctl -w net.ipv4.ip_forward=1': 1 }
  const { stderr, disk } = await doctor(['--fix', '--yes'], { ...unset, programs })
  t.regex(stderr, /✘ run {3}sysctl -w net.ipv4.ip_forward=1: cannot run/)
  t.truthy(disk.files()[sysctlPath])
})

test('without root nothing is mended, and the reason is told', async t => {
  const { status, stderr, disk } = await doctor(['--fix', '--yes'], { ...unset, view: { isRoot: false } })
  t.is(status, 2)
  t.regex(stderr, /only root may: sudo flotilla doctor --fix/)
  t.deepEqual(disk.files(), {})
})

test('joining stops at what a node cannot do without, warns of the rest, and mends when told', async t => {
  const prepare = async (board: FakeBoard, options: { prepare?: boolean; answer?: boolean } = {}) => {
    const [disk, lines] = [new CrashDisk(), [] as string[]]
    const { prepare: isWanted = false, answer } = options
    const isFit = await prepareBoard({
      ...{ view: onDisk(board, disk, []), disk, prepare: isWanted, say: line => lines.push(line) },
      ask: answer === undefined ? undefined : async () => answer,
    })
    return { isFit, said: lines.join('\n'), files: Object.keys(disk.files()) }
  }
  t.deepEqual(await prepare({}), { isFit: true, said: '', files: [] })
  const stopped = await prepare(broken)
  t.false(stopped.isFit)
  t.regex(stopped.said, /cannot join yet: because no node can live on this board: containerd/)
  t.like(await prepare(unset), { isFit: true, files: [] })
  t.like(await prepare(unset, { answer: false }), { isFit: true, files: [] })
  t.like(await prepare(unset, { answer: true }), { isFit: true, files: [sysctlPath] })
  t.like(await prepare(unset, { prepare: true }), { isFit: true, files: [sysctlPath] })
})
