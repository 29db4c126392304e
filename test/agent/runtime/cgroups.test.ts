import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { removePodCgroup } from '../../../agent/runtime/cgroups.ts'
import { systemClock } from '../../../kit/clock.ts'

test('with a tree per controller, the group goes from each, and its parent stays', async t => {
  const root = await tree(t, ['cpu/flotilla/pod1/leaf', 'memory/flotilla/pod1', 'memory/flotilla/pod2', 'pids'])
  await removePodCgroup('/flotilla/pod1', { clock: systemClock, root })
  t.deepEqual(present(root, ['cpu/flotilla/pod1', 'memory/flotilla/pod1']), [])
  t.deepEqual(present(root, ['cpu/flotilla', 'memory/flotilla/pod2']), ['cpu/flotilla', 'memory/flotilla/pod2'])
})

test('with one tree for all controllers, the group goes from it', async t => {
  const root = await tree(t, ['flotilla/pod1/leaf', 'flotilla/pod2'])
  await writeFile(join(root, 'cgroup.controllers'), 'cpu memory\n')
  await removePodCgroup('flotilla/pod1', { clock: systemClock, root })
  t.deepEqual(present(root, ['flotilla/pod1', 'flotilla/pod2']), ['flotilla/pod2'])
})

test('a group that is gone is no error', async t => {
  await t.notThrowsAsync(removePodCgroup('/flotilla/pod1', { clock: systemClock, root: await tree(t, ['cpu']) }))
})

test('the root and the slices of systemd are not touched', async t => {
  const root = await tree(t, ['cpu/pods.slice', 'cpu/other'])
  for (const parent of ['/', '', '/..', 'pods.slice']) await removePodCgroup(parent, { clock: systemClock, root })
  t.deepEqual(present(root, ['cpu/pods.slice', 'cpu/other']), ['cpu/pods.slice', 'cpu/other'])
})

test('a group that stays in use is reported', async t => {
  const root = await tree(t, ['cpu/flotilla/pod1'])
  // A plain directory with a file cannot be removed either.
  await writeFile(join(root, 'cpu/flotilla/pod1/file'), '')
  await t.throwsAsync(removePodCgroup('/flotilla/pod1', { clock: systemClock, root }), { code: 'ENOTEMPTY' })
})

async function tree(t: ExecutionContext, directories: string[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'cgroups-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  for (const directory of directories) await mkdir(join(root, directory), { recursive: true })
  return root
}

function present(root: string, paths: string[]): string[] {
  return paths.filter(path => existsSync(join(root, path)))
}
