import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { eventually } from '../kit/eventually.ts'
import { bootSector, greeting, markSector } from './boot-sector.ts'
import { type Hardware, type Machine, type PowerOn, powerOn } from './qemu.ts'
import { type LogEntry, type LoggedWrite, readWriteLog, replayWrites, survivors } from './write-log.ts'

const program = 'qemu-system-x86_64'
const hardware: Hardware = {
  program,
  arguments: ['-machine', 'q35', '-accel', 'tcg', '-m', '64'],
  card: 'virtio',
  network: 'virtio',
  consoleUart: 0,
}
const deadlineMs = 60_000
const isLive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

async function boot(
  t: ExecutionContext,
  more: Partial<PowerOn> = {},
): Promise<{ machine: Machine; card: string } | undefined> {
  if (!['/usr/bin', '/usr/local/bin'].some(folder => existsSync(join(folder, program)))) {
    t.log(`${program} is missing`)
    if (process.env['CI']) t.fail()
    else t.pass()
    return undefined
  }
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-qemu-'))
  const card = join(directory, 'card.img')
  await writeFile(card, bootSector())
  await truncate(card, 2 ** 20)
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const machine = await powerOn({ hardware, card, directory, boot: 'test', ...more })
  t.teardown(() => machine.cut())
  return { machine, card }
}

test('a machine starts from its card, and its serial line is heard', async t => {
  const { machine } = (await boot(t)) ?? {}
  if (!machine) return
  t.is(await machine.console.waitFor(/flotilla/, { deadlineMs, signal: machine.gone }), greeting.trim())
  t.regex(machine.console.tail(), /flotilla lives/)
})

test('what a guest writes is counted, and is on its card after the power is cut', async t => {
  const { machine, card } = (await boot(t)) ?? {}
  if (!machine || !card) return
  const counters = await eventually(
    'a write',
    async () => {
      const seen = await machine.qmp.diskCounters()
      return seen.writes > 0 ? seen : undefined
    },
    deadlineMs,
  )
  t.is(counters?.writtenBytes, 512)
  const pid = machine.pid!
  t.true(isLive(pid))
  await machine.cut()
  t.false(isLive(pid), 'QEMU is gone')
  t.true(machine.gone.aborted)
  const mark = readFileSync(card).subarray(markSector * 512, (markSector + 1) * 512)
  t.deepEqual(new Uint8Array(mark), bootSector())
  await t.throwsAsync(machine.qmp.diskCounters(), { message: /it has ended/ })
})

test('a console that stays silent is a clear error, and so is a machine that ends', async t => {
  const { machine } = (await boot(t)) ?? {}
  if (!machine) return
  await t.throwsAsync(machine.console.waitFor(/never/, { deadlineMs: 10 }), {
    message: /did not say \/never\/ in 0.01 s/,
  })
  const waiting = machine.console.waitFor(/never/, { deadlineMs, signal: machine.gone })
  await Promise.all([t.throwsAsync(waiting, { message: /QEMU has ended/ }), machine.cut()])
})

test('hardware that QEMU does not know is refused in its own words', async t => {
  const wrong = boot(t, { hardware: { ...hardware, arguments: ['-machine', 'abacus'] } })
  await t.throwsAsync(wrong, { message: /unsupported machine type/ })
})

test('each write is in the log, and the card as it was becomes the card as it is', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-log-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const writeLog = join(directory, 'writes.log')
  await writeFile(writeLog, '')
  const { machine, card } = (await boot(t, { writeLog })) ?? {}
  if (!machine || !card) return
  await eventually('a write', async () => (await machine.qmp.diskCounters()).writes > 0, deadlineMs)
  await machine.quit()
  const entries = readWriteLog(writeLog)
  const writes = entries.filter((entry): entry is LoggedWrite => entry.type === 'write')
  t.deepEqual(
    writes.map(({ offset, length }) => ({ offset, length })),
    [{ offset: markSector * 512, length: 512 }],
  )
  const copy = join(directory, 'copy.img')
  await writeFile(copy, bootSector())
  await truncate(copy, 2 ** 20)
  replayWrites(writeLog, copy, entries)
  t.deepEqual(readFileSync(copy), readFileSync(card))
})

test('a card keeps what was flushed, and of the rest what it happens to', t => {
  const write = (offset: number): LogEntry => ({ type: 'write', offset, length: 512, dataAt: 0 })
  const flush: LogEntry = { type: 'flush' }
  const entries = [write(0), flush, write(1), write(2), flush, write(3)]
  t.deepEqual(
    survivors(entries, 4, () => false),
    [write(0), flush],
  )
  t.deepEqual(
    survivors(entries, 4, entry => entry === entries[3]),
    [write(0), flush, write(2)],
  )
  t.deepEqual(
    survivors(entries, 5, () => false),
    entries.slice(0, 5),
  )
})
