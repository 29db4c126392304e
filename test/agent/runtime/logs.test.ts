import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { parseLogLine } from '../../../agent/runtime/log-lines.ts'
import { type LogChunk, type ReadLogsOptions, readLogs } from '../../../agent/runtime/logs.ts'
import { eventually } from '../../kit/eventually.ts'

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.123456789Z`
const full = (second: number, text: string, stream = 'stdout'): string => `${at(second)} ${stream} F ${text}\n`
const part = (second: number, text: string, stream = 'stdout'): string => `${at(second)} ${stream} P ${text}\n`

test('lines come as they were written, each with its stream', async t => {
  const path = await logWith(t, full(1, 'one') + full(2, 'oops', 'stderr') + full(3, 'two') + full(4, ''))
  t.deepEqual(await read(path), [
    { stream: 'stdout', text: 'one\n' },
    { stream: 'stderr', text: 'oops\n' },
    { stream: 'stdout', text: 'two\n\n' },
  ])
})

test('the pieces of a long line are one line, and have one time', async t => {
  const path = await logWith(t, part(1, 'long ') + part(1, 'long ') + full(2, 'line') + full(3, 'next'))
  t.is(await textOf(path), 'long long line\nnext\n')
  t.is(await textOf(path, { timestamps: true }), `${at(1)} long long line\n${at(3)} next\n`)
})

test('what is not in the format is left out', async t => {
  const path = await logWith(t, `garbage\n\n${full(1, 'one')}x stdout Z no\n${at(2)} stdlog F no\n${at(3)} stdout F\n`)
  t.is(await textOf(path), 'one\n\n')
  t.deepEqual(parseLogLine(Buffer.from(`${at(1)} stdout P:extra text`))?.partial, true)
})

test('a line that is still being written is not given', async t => {
  const path = await logWith(t, full(1, 'one') + full(2, 'two').slice(0, -3))
  t.is(await textOf(path), 'one\n')
})

test('only what was written since a moment is given', async t => {
  const path = await logWith(t, [1, 2, 3].map(second => full(second, `s${second}`)).join(''))
  t.is(await textOf(path, { sinceMs: Date.UTC(2026, 0, 1, 0, 0, 2) }), 's2\ns3\n')
})

test('the last lines are those that all lines end with', async t => {
  // Texts around the size of a block, so that records lie across two of them.
  const line = fc.record({
    text: fc.oneof(
      fc.constant(''),
      fc.string({ maxLength: 20 }).map(text => text.replaceAll('\n', '')),
      fc.constant('x'.repeat(30_000)),
    ),
    pieces: fc.nat(2),
  })
  const property = fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.nat(14), async (lines, tailLines) => {
    const records = lines.map(({ text, pieces }) => part(1, text).repeat(pieces) + full(2, text))
    const path = await logWith(t, records.join(''))
    const expected = lines
      .map(({ text, pieces }) => `${text.repeat(pieces + 1)}\n`)
      .slice(tailLines === 0 ? lines.length : -tailLines)
    t.is(await textOf(path, { tailLines }), expected.join(''))
  })
  await fc.assert(property, { numRuns: 60 })
})

test('the end of a large file is read without the rest', async t => {
  const path = await logWith(t, full(1, 'x'.repeat(1000)).repeat(20_000) + full(2, 'last'))
  const before = process.memoryUsage().arrayBuffers
  t.is(await textOf(path, { tailLines: 1 }), 'last\n')
  t.true(process.memoryUsage().arrayBuffers - before < 2 * 1024 * 1024)
})

test('a log that is not there is NotFound', async t => {
  await t.throwsAsync(read('/nowhere/0.log'), { code: 'NotFound' })
})

test('following gives what comes later, and ends when told', async t => {
  const path = await logWith(t, full(1, 'one') + full(2, 'two'))
  const following = follow(t, path, { tailLines: 1 })
  await following.until('two\n')
  await appendFile(path, full(3, 'three'))
  await following.until('two\nthree\n')
  await appendFile(path, full(4, 'four').slice(0, 10))
  await appendFile(path, full(4, 'four').slice(10))
  await following.until('two\nthree\nfour\n')
  await following.stop()
})

test('following goes on in the new file after a rotation, and loses nothing of the old one', async t => {
  const path = await logWith(t, full(1, 'one'))
  const following = follow(t, path)
  await following.until('one\n')
  await rename(path, `${path}.20260101`)
  await appendFile(`${path}.20260101`, full(2, 'late'))
  await writeFile(path, full(3, 'new'))
  await following.until('one\nlate\nnew\n')
  await following.stop()
})

test('following a file that was cut short begins again at its start', async t => {
  const path = await logWith(t, full(1, 'one') + full(2, 'two'))
  const following = follow(t, path)
  await following.until('one\ntwo\n')
  await truncate(path, 0)
  await appendFile(path, full(3, 'x'))
  await following.until('one\ntwo\nx\n')
  await following.stop()
})

test('following waits for a log that is not there yet', async t => {
  const path = join(await directoryFor(t), '0.log')
  const following = follow(t, path)
  await writeFile(path, full(1, 'first'))
  await following.until('first\n')
  await following.stop()
})

test('following ends by itself after the last line of a container that is over', async t => {
  const path = await logWith(t, full(1, 'one'))
  // The container ends between our read and our question, and says a last word.
  const isOver = async (): Promise<boolean> => {
    await appendFile(path, full(2, 'last words'))
    return true
  }
  t.is(await textOf(path, { follow: true, isOver }), 'one\nlast words\n')
})

async function directoryFor(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'logs-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function logWith(t: ExecutionContext, content: string): Promise<string> {
  const path = join(await directoryFor(t), '0.log')
  await writeFile(path, content)
  return path
}

async function read(path: string, options: ReadLogsOptions = {}): Promise<Array<{ stream: string; text: string }>> {
  const chunks: LogChunk[] = []
  for await (const chunk of readLogs(path, options)) chunks.push(chunk)
  return chunks.map(({ stream, bytes }) => ({ stream, text: Buffer.from(bytes).toString() }))
}

async function textOf(path: string, options: ReadLogsOptions = {}): Promise<string> {
  return (await read(path, options)).map(({ text }) => text).join('')
}

function follow(t: ExecutionContext, path: string, options: ReadLogsOptions = {}) {
  const end = new AbortController()
  let seen = ''
  const reading = (async () => {
    const chunks = readLogs(path, { ...options, follow: true, signal: end.signal })
    for await (const { bytes } of chunks) seen += Buffer.from(bytes).toString()
  })()
  t.teardown(() => end.abort())
  return {
    until: async (text: string) => {
      await eventually(JSON.stringify(text), () => seen.length >= text.length)
      t.is(seen, text)
    },
    stop: async () => {
      end.abort()
      await reading
    },
  }
}
