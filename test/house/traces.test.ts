import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { traces } from '../../.ci/traces.ts'
import { eventually } from '../kit/eventually.ts'

test('a folder that a test left behind would be found', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-left-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  t.true(traces().includes(`the file or folder ${folder}`))
})

test('a process that a test left behind would be found', async t => {
  // Its shell ends at once, and nobody is left to stop it. What it is called is the second word of its command line.
  const start = 'sh -c "sleep 60; :" flotilla-orphan </dev/null >/dev/null 2>&1 & echo $!'
  const id = execFileSync('sh', ['-c', start], { encoding: 'utf8' }).trim()
  t.teardown(() => execFileSync('sh', ['-c', `pkill -P ${id}; kill ${id}`]))
  const left = (): boolean =>
    traces().some(line => line.startsWith(`the process ${id}: `) && /flotilla-orphan/.test(line))
  t.true(await eventually('the process among the traces', left))
})
