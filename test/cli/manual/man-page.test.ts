import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { renderManPages } from '../../../cli/manual/man-page.ts'
import { createManualCommand } from '../../../cli/manual/manual-command.ts'
import { listPlaces } from '../../../cli/manual/places.ts'
import type { Command } from '../../../kit/command-line.ts'
import { sample, whole } from './program.ts'

const execute = promisify(execFile)
const facts = { version: '1.2.3', date: '2026-01-02' }

async function writePages(t: ExecutionContext, program: Command): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-man-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const { name, text } of renderManPages(listPlaces(program), facts)) await writeFile(join(folder, name), text)
  return folder
}

function canRead(t: ExecutionContext): boolean {
  if (existsSync('/usr/bin/groff') && existsSync('/usr/bin/man')) return true
  if (process.env['CI']) t.fail('man or groff is missing')
  else t.pass('man or groff is missing')
  return false
}

/** What a reader sees; into a pipe, man writes no bold. */
async function read(folder: string, name: string): Promise<string> {
  const { stdout } = await execute('man', ['-l', '-E', 'UTF-8', join(folder, name)], {
    env: { ...process.env, MANWIDTH: '100' },
  })
  return stdout
}

test('every page is read by man and groff without a warning', async t => {
  if (!canRead(t)) return
  for (const program of [sample, whole]) {
    const folder = await writePages(t, program)
    const pages = (await readdir(folder)).map(name => join(folder, name))
    t.true(pages.length > 3)
    for (const page of pages) {
      const { stderr } = await execute('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page])
      t.is(stderr, '', page)
    }
    t.is((await execute('groff', ['-ww', '-man', '-Tutf8', ...pages], { maxBuffer: 1 << 24 })).stderr, '')
  }
})

test('a warning would be noticed', async t => {
  if (!canRead(t)) return
  const folder = await writePages(t, sample)
  await writeFile(join(folder, 'bad.1'), '.TH BAD 1\n.SH NAME\n.FOO bar\n')
  const { stderr } = await execute('groff', ['-ww', '-man', '-Tutf8', join(folder, 'bad.1')])
  t.regex(stderr, /FOO/)
})

test('a page says how the command is called, what its options are, and how it ends', async t => {
  if (!canRead(t)) return
  const text = await read(await writePages(t, sample), 'flotilla-get.1')
  for (const expected of [
    /NAME\s+flotilla-get - show objects: it's a table/,
    /flotilla get \[options\] \[types-and-names \.\.\.\]/,
    /-o, --output format\s+Format \[of it\]\. One of: wide, json\./,
    /--wait \[yes\]\s+Until it is done\..* Default: true\./,
    /EXIT STATUS[\s\S]*2\s+Wrong use of the command\./,
    /\$ flotilla get pods {3}of "here"/,
  ])
    t.regex(text, expected)
})

test('subcommands are on the page of their command, what is hidden is nowhere', async t => {
  if (!canRead(t)) return
  const folder = await writePages(t, sample)
  t.deepEqual((await readdir(folder)).sort(), [
    'flotilla-config.1',
    'flotilla-get.1',
    'flotilla-import.1',
    'flotilla-logs.1',
    'flotilla.1',
  ])
  const text = await read(folder, 'flotilla-config.1')
  t.regex(text, /flotilla config use-context name\n/)
  t.regex(text, /COMMANDS\s+flotilla config use-context\s+Use another\./)
  t.notRegex(text, /secret/)
  t.regex(await read(folder, 'flotilla.1'), /flotilla-logs\(1\)\s+Print/)
})

test('a hyphen can be copied into a shell, and a line may begin with a dot', t => {
  const program = {
    name: 'flotilla',
    summary: 'x',
    commands: [{ name: 'go', summary: '.dot', examples: ['.hidden --now'], run: async () => 0 }],
  }
  const page = renderManPages(listPlaces(program), facts).find(({ name }) => name === 'flotilla-go.1')
  t.true(page?.text.includes('\\&.hidden \\-\\-now'))
  t.true(page?.text.includes('\\&.dot'))
})

test('pages are dated by the sources, not by the build', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-man-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const before = process.env['SOURCE_DATE_EPOCH']
  process.env['SOURCE_DATE_EPOCH'] = '86400'
  await createManualCommand(async () => sample).run?.({ arguments: [folder], rest: undefined, options: {} })
  if (before === undefined) delete process.env['SOURCE_DATE_EPOCH']
  else process.env['SOURCE_DATE_EPOCH'] = before
  t.regex((await execute('head', ['-2', join(folder, 'flotilla.1')])).stdout, /1970\\-01\\-02/)
})
