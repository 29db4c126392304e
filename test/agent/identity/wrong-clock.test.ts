/** The whole program under another wall clock, which TLS' own library sees too. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { formatTicket } from '../../../contract/wire/join.ts'
import { startCluster, temporaryDirectory } from './cluster.ts'
import { joinedDirectory } from './node.ts'

const run = promisify(execFile)
const faketime = '/usr/bin/faketime'
const root = resolve(import.meta.dirname, '../../..')
const timeoutMs = 60_000

/** False when it is not installed, which only CI counts as a failure. */
function hasFaketime(t: ExecutionContext): boolean {
  if (existsSync(faketime)) return true
  if (process.env['CI']) t.fail('faketime is not installed')
  else t.pass('faketime is not installed: skipped')
  return false
}

async function at(time: string, script: string, ...args: string[]): Promise<string> {
  const words = ['--exclude-monotonic', time, process.execPath, join(root, script), ...args]
  const { stdout } = await run(faketime, words, { timeout: timeoutMs })
  return stdout
}

const clocks = [
  ['a board without a clock, which thinks it is 1970', '1970-01-02 00:00:00', '1970'],
  ['a board whose clock is in 2060, after the end of the CA', '2060-05-01 00:00:00', '2060'],
] as const

for (const [what, time, year] of clocks) {
  test(`${what}, joins and speaks mTLS`, async t => {
    if (!hasFaketime(t)) return
    const cluster = await startCluster(t)
    const directory = await temporaryDirectory(t)
    const [file, data] = [join(directory, 'join.txt'), join(directory, 'data')]
    await writeFile(file, formatTicket(await cluster.ticket()))
    await at(time, 'flotilla.ts', 'join', file, '--name', 'board-1', '--data', data, '--skip-checks')
    t.false(existsSync(file))
    t.truthy(await cluster.identityOf('board-1'))
    t.is(await at(time, 'test/agent/identity/connect-as-node.ts', data), `${year} connected`)
  })
}

test('a clock that is ahead by weeks or by years keeps no board from its master', async t => {
  if (!hasFaketime(t)) return
  const cluster = await startCluster(t)
  const data = await joinedDirectory(t, cluster)
  for (const days of [30, 1000]) {
    const time = new Date(cluster.clock.now() + days * 24 * 3600 * 1000).toISOString().slice(0, 19).replace('T', ' ')
    t.regex(await at(time, 'test/agent/identity/connect-as-node.ts', data), /connected$/)
  }
})
