/** The demo, as `./build.sh demo` runs it: it judges itself, step by step. */
import { resolve } from 'node:path'
import test from 'ava'
import { tryRun } from '../../cli/lab/run.ts'
import { canUseLab } from '../cli/lab/harness.ts'

test('the demo holds what it shows', async t => {
  t.timeout(180_000)
  if (!(await canUseLab(t))) return
  const script = resolve(import.meta.dirname, '../demo/demo.ts')
  const { status, stdout } = await tryRun([process.execPath, script], { timeoutMs: 170_000 })
  t.is(status, 0, stdout)
  t.regex(stdout, /All 8 steps held/)
  t.regex(stdout, /nothing is left on this machine/)
})
