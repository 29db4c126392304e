import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { version } from '../../../contract/version.ts'
import { architectures } from '../../../images/program/architectures.ts'
import { packProgram } from '../../../images/program/pack.ts'

const execute = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')

test('packed by pkg, to compare, the program is whole as well', async t => {
  t.timeout(180_000)
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-pkg-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const program = await packProgram(architectures.x64, { root, outDir: folder, epoch: 0, packer: 'pkg' })
  const env = { FLOTILLA_NATIVE_DIR: join(folder, 'native') }
  const run = async (...words: string[]): Promise<string> => (await execute(program, words, { env, cwd: '/' })).stdout
  t.true((await run('version', '--client')).includes(version))
  const { packed, checks } = JSON.parse(await run('self-check', '--json'))
  t.true(packed)
  t.deepEqual(
    checks.filter(({ ok }: { ok: boolean }) => !ok),
    [],
  )
})
