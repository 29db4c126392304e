import test from 'ava'
import { type Command, type Input, runCommandLine, usageExitStatus } from '../../kit/command-line.ts'

async function run(...argv: string[]): Promise<{ status: number; out: string; err: string; input: Input | undefined }> {
  const seen: { input?: Input } = {}
  const said = { out: '', err: '' }
  const get: Command = {
    name: 'get',
    aliases: ['list'],
    summary: 'show objects',
    arguments: '<resource> [names...]',
    options: [
      { flags: '-o, --output <format>', summary: 'format', choices: ['wide', 'json'] },
      { flags: '-n, --namespace <name>', summary: 'namespace', default: 'default' },
    ],
    examples: ['$ flotilla get pods'],
    run: async input => {
      seen.input = input
      return argv.includes('three') ? 3 : undefined
    },
  }
  const failing: Command = {
    name: 'fail',
    summary: 'fails',
    run: async () => {
      throw new Error('of its own')
    },
  }
  const root: Command = { name: 'flotilla', summary: 'a fleet', commands: [get, failing] }
  const stream = (name: 'out' | 'err') => ({
    write: (text: string) => {
      said[name] += text
    },
  })
  const status = await runCommandLine(root, argv, { stdout: stream('out'), stderr: stream('err') })
  return { status, ...said, input: seen.input }
}

test('a command gets its arguments, its options and what follows the dashes', async t => {
  const { status, input } = await run('get', 'pods', 'a', 'b', '-o', 'wide', '--', 'sh', '-c', 'true')
  t.is(status, 0)
  t.deepEqual(input, {
    arguments: ['pods', 'a', 'b'],
    rest: ['sh', '-c', 'true'],
    options: { output: 'wide', namespace: 'default' },
  })
})

test('without dashes there is no rest, and an alias works', async t => {
  t.is((await run('list', 'pods')).input?.rest, undefined)
  t.deepEqual((await run('list', 'pods', '--')).input?.rest, [])
})

test('the exit status is what the command resolves to', async t => {
  t.is((await run('get', 'three')).status, 3)
})

test('the error of a command is its own, not one of usage', async t => {
  await t.throwsAsync(run('fail'), { message: 'of its own' })
})

for (const argv of [['nonsense'], ['get'], ['get', 'pods', '--bogus'], ['get', 'pods', '-o', 'xml']]) {
  test(`"${argv.join(' ')}" is a fault of usage, said on stderr with a way to help`, async t => {
    const { status, out, err, input } = await run(...argv)
    t.is(status, usageExitStatus)
    t.is(out, '')
    t.regex(err, /error: .*\n\(see 'flotilla( get)? --help'\)/s)
    t.is(input, undefined)
  })
}

test('the list of commands has room for what they do: each is named by its name alone', async t => {
  t.regex((await run('--help')).out, /^ {2}get {2,}show objects$/m)
})

test('help goes to stdout with examples, and is no failure', async t => {
  const { status, out } = await run('get', '--help')
  t.is(status, 0)
  t.regex(out, /show objects[\s\S]*Examples:\n {2}\$ flotilla get pods/)
})

test('an option that outer and inner command have: what was said counts before a default, and further in before further out', async t => {
  const seen: Array<unknown> = []
  const data = { flags: '--data <dir>', summary: 'where', default: '/var' }
  const inner: Command = {
    name: 'init',
    summary: 'inner',
    options: [data],
    run: async ({ options }) => void seen.push(options['data']),
  }
  const root: Command = {
    name: 'x',
    summary: 'x',
    commands: [{ name: 'master', summary: 'outer', options: [data], commands: [inner] }],
  }
  const streams = { stdout: { write: () => true }, stderr: { write: () => true } }
  await runCommandLine(root, ['master', 'init'], streams)
  await runCommandLine(root, ['master', 'init', '--data', 'a'], streams)
  await runCommandLine(root, ['master', '--data', 'b', 'init'], streams)
  await runCommandLine(root, ['master', '--data', 'b', 'init', '--data', 'a'], streams)
  t.deepEqual(seen, ['/var', 'a', 'b', 'a'])
})
