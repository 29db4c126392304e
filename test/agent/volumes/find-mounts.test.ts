import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findMounts } from '../../../agent/volumes/find-mounts.ts'
import { writeFiles } from '../../../agent/volumes/write-files.ts'
import type { VolumeMount } from '../../../contract/resources/volume.ts'
import { CodedError } from '../../../kit/errors.ts'
import { systemRandom } from '../../../kit/random.ts'
import { spec, wishOf } from '../reconcile/fixtures.ts'

async function setScene(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'fm-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const content = Buffer.from('x')
  await writeFiles(
    join(directory, 'conf'),
    new Map([
      ['key', { content, mode: 0o644 }],
      ['dir/file', { content, mode: 0o644 }],
    ]),
    systemRandom,
  )
  await mkdir(join(directory, 'work'))
  const volumes = [
    { name: 'conf', configMap: { name: 'x' } },
    { name: 'work', emptyDir: {} },
    { name: 'board', hostPath: { path: '/' } },
  ]
  return {
    directory,
    /** Those of a pod whose containers have these mounts; the first one's are looked for. */
    find(...mounts: VolumeMount[][]) {
      const pod = wishOf(
        mounts.map((volumeMounts, index) => spec(`c${index}`, { volumeMounts })),
        { spec: { volumes } },
      )
      const places = {
        placeOf: (name: string) => join(directory, name),
        expand: (text: string) => text.replace('$(POD)', 'web'),
      }
      return findMounts(pod, pod.spec.containers[0]!, places)
    },
  }
}

const refused = (t: ExecutionContext, found: Promise<unknown>, message: RegExp) =>
  t.throwsAsync(found, { instanceOf: CodedError, message })

test('files are mounted read-only, whatever is asked for; directories as they are asked for', async t => {
  const { directory, find } = await setScene(t)
  const mounts = [
    { name: 'conf', mountPath: '/conf', readOnly: false },
    { name: 'work', mountPath: 'work/' },
    { name: 'work', mountPath: '/read', readOnly: true },
  ]
  t.deepEqual(await find(mounts), [
    { hostPath: join(directory, 'conf'), containerPath: '/conf', readOnly: true },
    { hostPath: join(directory, 'work'), containerPath: '/work', readOnly: false },
    { hostPath: join(directory, 'work'), containerPath: '/read', readOnly: true },
  ])
})

test('a kind of volume that is not acted on is not mounted', async t => {
  t.deepEqual(await (await setScene(t)).find([{ name: 'board', mountPath: '/board' }]), [])
})

test('a subPath of files is the file itself, as it is now', async t => {
  const { directory, find } = await setScene(t)
  for (const subPath of ['key', 'dir/file', './dir/', 'dir']) {
    const [mount] = await find([{ name: 'conf', mountPath: '/x', subPath }])
    t.true(mount?.hostPath.startsWith(`${directory}/conf/..`))
    t.truthy(await stat(mount?.hostPath ?? ''))
  }
})

test('a subPath that is not there is told', async t => {
  const { find } = await setScene(t)
  await refused(
    t,
    find([{ name: 'conf', mountPath: '/x', subPath: 'absent' }]),
    /"absent": because the volume has no such file/,
  )
})

for (const subPath of ['../work', 'dir/../../work', '/etc/passwd']) {
  test(`a subPath ${subPath} is refused, whatever the master says`, async t => {
    const { find } = await setScene(t)
    for (const name of ['conf', 'work'])
      await refused(t, find([{ name, mountPath: '/x', subPath }]), /cannot mount the subPath/)
    await refused(t, find([{ name: 'work', mountPath: '/x', subPathExpr: subPath }]), /cannot mount the subPath/)
  })
}

test('a link that leads out of a volume of files leads nowhere', async t => {
  const { directory, find } = await setScene(t)
  await writeFile(join(directory, 'outside'), 'secret')
  await symlink('../outside', join(directory, 'conf/evil'))
  await refused(t, find([{ name: 'conf', mountPath: '/x', subPath: 'evil' }]), /no such file/)
})

test('a subPath of an empty directory is made, for whoever runs there', async t => {
  const { directory, find } = await setScene(t)
  const [mount] = await find([{ name: 'work', mountPath: '/x', subPathExpr: 'logs/$(POD)' }])
  t.is(mount?.hostPath, join(directory, 'work/logs/web'))
  t.is((await stat(mount?.hostPath ?? '')).mode & 0o777, 0o777)
})

for (const [title, other] of [
  ['the whole volume', {}],
  ['what is above', { subPath: 'a' }],
  ['what is above, written otherwise', { subPath: './a/' }],
  ['nobody knows what', { subPathExpr: '$(POD)' }],
] as Array<[string, Partial<VolumeMount>]>) {
  test(`a subPath of a directory is refused while another container may write ${title}`, async t => {
    const { find } = await setScene(t)
    const mine = [{ name: 'work', mountPath: '/x', subPath: 'a/b' }]
    await refused(t, find(mine, [{ name: 'work', mountPath: '/y', ...other }]), /another mount of the same volume/)
    if (!('subPathExpr' in other)) {
      t.is((await find(mine, [{ name: 'work', mountPath: '/y', readOnly: true, ...other }])).length, 1)
    }
  })
}

test('a link in an empty directory leads nowhere', async t => {
  const { directory, find } = await setScene(t)
  await mkdir(join(directory, 'outside'))
  await symlink('../outside', join(directory, 'work/evil'))
  for (const subPath of ['evil', 'evil/deeper']) {
    await refused(t, find([{ name: 'work', mountPath: '/x', subPath }]), /it leads elsewhere/)
  }
  t.deepEqual(await readdir(join(directory, 'outside')), [])
})

test('parts beside each other may be mounted', async t => {
  const { find } = await setScene(t)
  const mount = (subPath: string) => ({ name: 'work', mountPath: `/${subPath}`, subPath })
  t.is((await find([mount('a'), mount('ab')], [mount('a'), mount('b/c')])).length, 2)
})
