import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { systemDisk } from '../../../agent/board/disk.ts'
import { imageNamesIn, importImages } from '../../../agent/board/import-images.ts'
import type { RunProgram } from '../../../agent/board/run-program.ts'
import { supplyImages } from '../../../agent/supply-images.ts'
import { writeOciArchive } from '../../../images/oci-archive.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { silentLog } from '../../../kit/log.ts'
import { canStartBoard, startBoard } from '../../support/board.ts'
import { temporaryDirectory } from '../identity/cluster.ts'

const name = 'flotilla.dev/sign:1'
const spec = {
  name,
  architecture: 'amd64',
  files: [{ path: 'sign', mode: 0o755, content: 'x' }],
  config: { cmd: ['/sign'] },
}

test('an archive tells the names of its images without being imported', async t => {
  const path = join(await temporaryDirectory(t), 'sign.tar')
  await writeOciArchive({ ...spec, path })
  t.deepEqual(await imageNamesIn(path), [name])
  const other = join(dirname(path), 'other.tar')
  for (const content of [Buffer.alloc(2048), (await readFile(path)).subarray(0, 300)]) {
    await writeFile(other, content)
    t.deepEqual(await imageNamesIn(other), [])
  }
})

test('a real containerd gets what it lacks, once, and again after it was installed anew', async t => {
  if (!canStartBoard(t)) return
  const board = await startBoard('images')
  t.teardown(() => board.stop())
  const directory = join(board.directory, 'images')
  await mkdir(directory)
  await writeOciArchive({ ...spec, path: join(directory, 'sign.tar') })
  const run: RunProgram = async argv => {
    const ended = await board.run(argv).catch(error => error as { code: number; stdout: string; stderr: string })
    return { status: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
  }
  const parts = { disk: systemDisk(), run, directory, socket: board.socketPath }
  t.deepEqual(await importImages(parts), [name])
  t.deepEqual(await importImages(parts), [])
  await board.run(['ctr', '--address', board.socketPath, '--namespace', 'k8s.io', 'images', 'rm', '--sync', name])
  t.deepEqual(await importImages(parts), [name])
  await board.killContainerd()
  await t.throwsAsync(importImages(parts), { code: 'ServiceUnavailable' })
  await rm(directory, { recursive: true })
  t.deepEqual(await importImages(parts), [], 'without archives nobody is asked')
})

test('the agent waits for a containerd that is not up yet, and goes on without one that stays away', async t => {
  const directory = await temporaryDirectory(t)
  await writeOciArchive({ ...spec, path: join(directory, 'sign.tar') })
  const [clock, asked] = [new FakeClock(), [] as string[]]
  const run: RunProgram = async argv => {
    asked.push(argv.slice(-2).join(' '))
    return { status: asked.length > 2 ? 0 : 1, stdout: '', stderr: 'connection refused' }
  }
  const parts = { disk: systemDisk(), socket: '/run/x', clock, log: silentLog, directory }
  const supplied = supplyImages({ ...parts, run, signal: new AbortController().signal })
  for (let turn = 0; turn < 20 && asked.length < 4; turn++) await advance(clock, 10_000)
  await supplied
  t.deepEqual(asked.slice(0, 4), ['ls -q', 'ls -q', 'ls -q', `import ${join(directory, 'sign.tar')}`])
  const ending = new AbortController()
  const away: RunProgram = async () => ({ status: 1, stdout: '', stderr: 'no' })
  const waiting = supplyImages({ ...parts, run: away, signal: ending.signal })
  await advance(clock, 1000)
  ending.abort()
  await waiting
  t.pass()
})

/** Files are read in between, which takes turns of its own. */
async function advance(clock: FakeClock, ms: number): Promise<void> {
  for (let part = 0; part < 10; part++) await clock.advance(ms / 10)
}
