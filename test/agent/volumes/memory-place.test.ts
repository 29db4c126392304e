import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { claimMemory, findSwap } from '../../../agent/volumes/memory-place.ts'
import { CodedError } from '../../../kit/errors.ts'

const execute = promisify(execFile)

test('a place in memory is taken as it is, for root alone', async t => {
  const above = await mkdtemp('/dev/shm/fp-')
  t.teardown(() => rm(above, { recursive: true, force: true }))
  const directory = join(above, 'deep/er')
  await claimMemory(directory, () => Promise.reject(new Error('nothing is to be mounted')))
  t.is((await stat(directory)).mode & 0o777, 0o700)
})

test('no secret is written to a disk: where nothing can be mounted, that is an error that says what to do', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'fp-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const commands: string[] = []
  for (const run of [
    async (command: string) => void commands.push(command),
    () => Promise.reject(new Error('operation not permitted')),
  ]) {
    const error = await t.throwsAsync(claimMemory(join(directory, 'x'), run), { instanceOf: CodedError })
    t.is(error?.code, 'ServiceUnavailable')
    t.regex(error?.message ?? '', /cannot keep secrets in .*: because .*; mount a tmpfs there/)
  }
  t.deepEqual(commands, ['mount'])
})

test('swap on a disk is found, and zram is none', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'fp-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'swaps')
  const head = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n'
  await writeFile(path, `${head}/var/swap  file  102396  0  -2\n/dev/zram0  partition  1024  0  100\n`)
  t.deepEqual(await findSwap(path), ['/var/swap'])
  await writeFile(path, head)
  t.deepEqual(await findSwap(path), [])
  t.deepEqual(await findSwap(join(directory, 'absent')), [])
})

test('where the place is on a disk a small tmpfs is mounted, on which nothing runs', async t => {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/unshare')) {
    const why = 'mounting needs root and unshare'
    t.log(why)
    t.is(process.env['CI'], undefined, why)
    return
  }
  const directory = await mkdtemp(join(tmpdir(), 'fp-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'pods'))
  const source = join(import.meta.dirname, '../../../agent/volumes/memory-place.ts')
  const script = `import { execFile } from 'node:child_process'
    import { readFileSync } from 'node:fs'
    import { promisify } from 'node:util'
    import { claimMemory } from '${source}'
    for (const _ of [1, 2]) await claimMemory('${directory}/pods', promisify(execFile))
    console.log(readFileSync('/proc/self/mounts', 'utf8').split('\\n').filter(line => line.includes('${directory}')).join('\\n'))`
  // The mount ends with the namespace.
  const argv = ['--mount', '--propagation', 'private', process.execPath, '--input-type=module', '--eval', script]
  const { stdout } = await execute('unshare', argv)
  t.is(stdout.trim().split('\n').length, 1, 'once is enough')
  t.regex(stdout, / tmpfs /)
  for (const option of ['nosuid', 'nodev', 'noexec', 'size=65536k', 'mode=700']) t.true(stdout.includes(option), option)
})
