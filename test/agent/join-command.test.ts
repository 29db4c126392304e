import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import { ensureIdentity } from '../../agent/ensure-identity.ts'
import { type JoinTerminal, joinCommandAt, unreachableExitStatus } from '../../agent/join-command.ts'
import type { LineInput } from '../../agent/join-input.ts'
import { formatTicket } from '../../contract/wire/join.ts'
import { systemClock } from '../../kit/clock.ts'
import { runCommandLine } from '../../kit/command-line.ts'
import { CodedError } from '../../kit/errors.ts'
import { FakeClock } from '../../kit/fake-clock.ts'
import { silentLog } from '../../kit/log.ts'
import { systemRandom } from '../../kit/random.ts'
import { eventually } from '../kit/eventually.ts'
import { CrashDisk } from './board/crash-disk.ts'
import { fakeView } from './board/doctor/fake-view.ts'
import { recordingLog, startCluster, temporaryDirectory } from './identity/cluster.ts'

interface Ran {
  status: number
  stdout: string
  stderr: string
}

/** `flotilla join …` with this on its stdin. */
async function flotillaJoin(
  args: string[],
  stdin: LineInput = Readable.from([]),
  board?: NonNullable<JoinTerminal['board']>,
): Promise<Ran> {
  const said = { stdout: '', stderr: '' }
  const to = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      said[name] += text
    },
  })
  const streams = { stdout: to('stdout'), stderr: to('stderr') }
  const command = joinCommandAt({
    stdin,
    ...streams,
    clock: systemClock,
    random: systemRandom,
    ...(board && { board }),
  })
  const root = { name: 'flotilla', summary: '', commands: [command] }
  return { status: await runCommandLine(root, ['join', ...args], streams), ...said }
}

async function boardOf(t: ExecutionContext): Promise<{ data: string; file: string; options: string[] }> {
  const directory = await temporaryDirectory(t)
  const data = join(directory, 'data')
  return { data, file: join(directory, 'join.txt'), options: ['--data', data, '--name', 'board-1'] }
}

test('a line from a file makes the board a node, and the file is deleted', async t => {
  const [cluster, { file, options }] = [await startCluster(t), await boardOf(t)]
  await writeFile(file, `\n${formatTicket(await cluster.ticket())}\n`)
  const { status, stdout, stderr } = await flotillaJoin([file, ...options])
  t.is(stderr, '')
  t.is(status, 0)
  t.regex(stdout, /asking the master at 127.0.0.1.*\nthis board is node board-1 of cluster home\ndeleted .*join.txt/)
  t.false(existsSync(file))
})

test('where no node could live the line stays unused, unless the person says otherwise', async t => {
  const [cluster, { file, options }] = [await startCluster(t), await boardOf(t)]
  await writeFile(file, formatTicket(await cluster.ticket()))
  const board = { view: fakeView({ programs: { containerd: undefined } }), disk: new CrashDisk() }
  const refused = await flotillaJoin([file, ...options], Readable.from([]), board)
  t.is(refused.status, 1)
  t.regex(refused.stderr, /✘ containerd +not installed\n.*why: .*\n.*fix: apt-get install -y containerd\n/)
  t.regex(refused.stderr, /cannot join yet: because no node can live on this board: containerd/)
  t.true(existsSync(file))
  t.is((await flotillaJoin([file, ...options, '--skip-checks'], Readable.from([]), board)).status, 0)
})

test('what is no line is told before the board is looked at, and a board that has joined by the line is not looked at', async t => {
  const [cluster, { file, options }] = [await startCluster(t), await boardOf(t)]
  const board = { view: fakeView({ programs: { containerd: undefined } }), disk: new CrashDisk() }
  for (const [args, stdin, says] of [
    [[], 'garbage', /^flotilla: cannot read the join line/],
    [[join(options[1]!, 'nothing')], '', /^flotilla: cannot read the join line in .*nothing: because ENOENT/],
    [['flotilla://a@b/c?ca=sha256:d'], '', /^flotilla: cannot take the join line as an argument/],
  ] as const) {
    const { status, stderr } = await flotillaJoin([...args, ...options], Readable.from([stdin]), board)
    t.is(status, 2)
    t.regex(stderr, says)
  }
  const line = formatTicket(await cluster.ticket())
  await writeFile(file, line)
  t.is((await flotillaJoin([file, ...options])).status, 0)
  const again = await flotillaJoin(options, Readable.from([line]), board)
  t.is(again.status, 0)
  t.regex(again.stdout, /is node board-1 of cluster home already/)
})

test('who may not write what a node keeps is told so before being asked for anything', async t => {
  if (process.getuid?.() !== 0) {
    t.is(process.env['CI'], undefined, 'giving up the rights of root needs root')
    t.pass()
    return
  }
  const directory = await temporaryDirectory(t)
  await chmod(directory, 0o555)
  // Still able to read the clone, wherever it is.
  const withoutRights = ['--inh-caps=-dac_override', '--bounding-set=-dac_override', process.execPath]
  const flotilla = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../flotilla.ts')]
  const words = ['join', '--data', join(directory, 'a/b'), '--name', 'board-1']
  const { status, stderr } = spawnSync('setpriv', [...withoutRights, ...flotilla, ...words], {
    ...{ encoding: 'utf8', input: '' },
  })
  t.is(stderr, `flotilla: cannot join: because you may not write to ${directory}. Use sudo flotilla join\n`)
  t.is(status, 1)
})

test('a line comes from a pipe as well, and a board that is joined already says so', async t => {
  const [cluster, { options }] = [await startCluster(t), await boardOf(t)]
  const line = formatTicket(await cluster.ticket())
  t.is((await flotillaJoin(['-', ...options], Readable.from([line]))).status, 0)
  const again = await flotillaJoin(options, Readable.from([line]))
  t.is(again.status, 0)
  t.is(again.stdout, 'this board is node board-1 of cluster home already\n')
  const another = await flotillaJoin(options, Readable.from([formatTicket(await cluster.ticket())]))
  t.is(another.status, 1)
  t.regex(another.stderr, /already. With --force/)
})

test('a person pastes the line, and nothing of it is shown', async t => {
  const [cluster, { options }] = [await startCluster(t), await boardOf(t)]
  const ticket = await cluster.ticket()
  const raw: boolean[] = []
  // A slip, a backspace, and Enter.
  const keys = Readable.from([`${formatTicket(ticket)}x`, '\u007f', '\r', 'what is typed later'])
  const terminal = Object.assign(keys, { isTTY: true, setRawMode: (on: boolean) => raw.push(on) })
  const { status, stdout, stderr } = await flotillaJoin(options, terminal)
  t.is(status, 0)
  t.deepEqual(raw, [true, false])
  t.regex(stderr, /^Paste what "flotilla token create" printed/)
  t.false(`${stdout}${stderr}`.includes(ticket.token.secret))
})

test('Ctrl-C at the question ends it, with the terminal as it was', async t => {
  const raw: boolean[] = []
  const terminal = Object.assign(Readable.from(['abc\u0003']), {
    isTTY: true,
    setRawMode: (on: boolean) => raw.push(on),
  })
  const { status, stderr } = await flotillaJoin((await boardOf(t)).options, terminal)
  t.is(status, 2)
  t.regex(stderr, /it was interrupted/)
  t.deepEqual(raw, [true, false])
})

test('a line as an argument is refused with the reason, and not repeated', async t => {
  const [cluster, { options, data }] = [await startCluster(t), await boardOf(t)]
  const ticket = await cluster.ticket()
  const { status, stdout, stderr } = await flotillaJoin([formatTicket(ticket), ...options])
  t.is(status, 2)
  t.regex(stderr, /everybody on this board can read the arguments of a command/)
  t.false(`${stdout}${stderr}`.includes(ticket.token.secret))
  t.false(existsSync(data))
})

test('what is no join line, no file, or too long is refused with what to do', async t => {
  const { file, options } = await boardOf(t)
  const rows: Array<[args: string[], stdin: string, reason: RegExp]> = [
    [[], 'hello', /Paste all of what "flotilla token create" printed/],
    [[], 'x'.repeat(10_000), /longer than 4096 bytes/],
    [[file], '', /cannot read the join line in .*ENOENT/],
    [['--name', 'No Name'], 'x', /cannot join as "No Name".*Choose one with --name/],
  ]
  for (const [args, stdin, reason] of rows) {
    const run = flotillaJoin([...options, ...args], Readable.from([stdin]))
    const { status, stderr } = await run.catch(error => ({ status: 1, stderr: String(error) }))
    t.true(status > 0)
    t.regex(stderr, reason)
  }
})

test('when nobody answers, the exit status says that trying again may help', async t => {
  const [cluster, { file, options }] = [await startCluster(t), await boardOf(t)]
  await writeFile(file, formatTicket(await cluster.ticket({ addresses: ['127.0.0.1:1'] })))
  const { status, stderr } = await flotillaJoin([file, ...options])
  t.is(status, unreachableExitStatus)
  t.regex(stderr, /cannot reach the master at 127.0.0.1:1: because ECONNREFUSED: is the master running/)
  t.true(existsSync(file), 'the line is still good')
})

test('an agent that has not joined and has no line says how to join', async t => {
  const { data } = await boardOf(t)
  const parts = { dataDirectory: data, joinFile: undefined, name: undefined, clock: systemClock, log: silentLog }
  const error = await t.throwsAsync(ensureIdentity({ ...parts, signal: new AbortController().signal }), {
    instanceOf: CodedError,
  })
  t.regex(error.message, /flotilla token create.*flotilla join/)
})

test('an agent with a line joins first: often while nobody answers, seldom once it was refused', async t => {
  const [cluster, { data, file, options }] = [await startCluster(t), await boardOf(t)]
  await writeFile(file, formatTicket(await cluster.ticket()))
  const clock = new FakeClock()
  const { log, lines } = recordingLog()
  const outcomes = [unreachableExitStatus, unreachableExitStatus, 1]
  const runJoin = async (args: string[]): Promise<number> => {
    t.deepEqual(args, [file, ...options, '--skip-checks'])
    return outcomes.shift() ?? (await flotillaJoin(args)).status
  }
  const signal = new AbortController().signal
  const joining = ensureIdentity({ dataDirectory: data, joinFile: file, name: 'board-1', clock, log, signal, runJoin })
  const done = joining.then(() => true)
  while (!(await Promise.race([done, new Promise<false>(resolve => setImmediate(() => resolve(false)))])))
    await clock.advance(10_000)
  t.is((await joining).nodeName, 'board-1')
  t.is(lines.filter(line => line.includes('nobody answers')).length, 2)
  t.is(lines.filter(line => line.includes('it was refused')).length, 1)
})

test('an agent whose line is not there yet waits for it, and for a person who joins by hand', async t => {
  const [cluster, { data, file, options }] = [await startCluster(t), await boardOf(t)]
  const clock = new FakeClock()
  const { log, lines } = recordingLog()
  const runJoin = async (): Promise<number> => {
    t.fail('there is nothing to join by')
    return 1
  }
  const signal = new AbortController().signal
  const joining = ensureIdentity({ dataDirectory: data, joinFile: file, name: 'board-1', clock, log, signal, runJoin })
  const seen = { done: false }
  void joining.then(() => {
    seen.done = true
  })
  await eventually('the question', () => lines.length > 0)
  await flotillaJoin(['-', ...options], Readable.from([formatTicket(await cluster.ticket())]))
  await eventually('the identity', async () => {
    await clock.advance(5000)
    return seen.done
  })
  t.is((await joining).nodeName, 'board-1')
  t.is(lines.length, 1)
  t.regex(lines[0] ?? '', /belongs to no cluster yet.*flotilla join/)
})

test('an agent that has joined deletes the line that it joined by, and leaves another one alone', async t => {
  const [cluster, { data, file, options }] = [await startCluster(t), await boardOf(t)]
  const used = formatTicket(await cluster.ticket())
  await writeFile(file, used)
  await flotillaJoin([file, ...options])
  const { log, lines } = recordingLog()
  const parts = { dataDirectory: data, joinFile: file, name: undefined, clock: systemClock, log }
  const again = () => ensureIdentity({ ...parts, signal: new AbortController().signal })
  // The power went before the file was deleted.
  await writeFile(file, used)
  await again()
  t.false(existsSync(file))
  await again()
  t.deepEqual(lines, [])
  await writeFile(file, formatTicket(await cluster.ticket()))
  await again()
  t.true(existsSync(file))
  t.regex(lines.join(''), /a join line is left unused.*flotilla join --force/)
})

test('an agent that is told to end while it waits to join ends', async t => {
  const [cluster, { data, file }] = [await startCluster(t), await boardOf(t)]
  await writeFile(file, formatTicket(await cluster.ticket()))
  const ending = new AbortController()
  const runJoin = async (): Promise<number> => {
    ending.abort(new Error('told to end'))
    return unreachableExitStatus
  }
  const parts = { dataDirectory: data, joinFile: file, name: 'board-1', clock: systemClock, log: silentLog }
  await t.throwsAsync(ensureIdentity({ ...parts, signal: ending.signal, runJoin }), { message: 'told to end' })
})
