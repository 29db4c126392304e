import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { buildImages } from '../../images/build.ts'
import { busyboxFiles } from '../../images/busybox.ts'
import { helloImage } from '../../images/hello.ts'
import {
  buildOciImage,
  type ImageSpec,
  localArchitecture,
  readOciArchive,
  writeOciArchive,
} from '../../images/oci-archive.ts'
import { pauseImage } from '../../images/pause.ts'

const folder = mkdtempSync(join(tmpdir(), 'flotilla-images-'))
test.after.always(() => rmSync(folder, { recursive: true }))

const spec: ImageSpec = {
  name: 'docker.io/library/x:1',
  architecture: 'arm64',
  files: [
    { path: '/usr/bin/x', mode: 0o755, content: 'x' },
    { path: 'etc/link', symlink: '../usr/bin/x' },
    { path: 'tmp', mode: 0o1777, directory: true },
  ],
  config: {
    entrypoint: ['/usr/bin/x'],
    cmd: ['-v'],
    env: ['A=1'],
    exposedPorts: ['80/tcp'],
    user: '7:7',
    workingDir: '/w',
  },
}

test('the same image has the same bytes, whatever the order of its files and the time of day', async t => {
  const paths = ['a.tar', 'b.tar'].map(name => join(folder, name))
  await writeOciArchive({ ...spec, path: paths[0]! })
  await writeOciArchive({ ...spec, files: spec.files.toReversed(), path: paths[1]! })
  t.deepEqual(readFileSync(paths[0]!), readFileSync(paths[1]!))
})

test('what is written is read again, each blob under its own hash', async t => {
  const path = join(folder, 'round.tar')
  const written = await writeOciArchive({ ...spec, path })
  const [read] = await readOciArchive(path)
  t.deepEqual(read!.manifest, written.manifest)
  t.deepEqual([...read!.blobs].sort(), [...written.blobs].sort())
  for (const [digest, content] of read!.blobs)
    t.is(`sha256:${createHash('sha256').update(content).digest('hex')}`, digest)
})

test('the manifest leads to a configuration and a layer with the files in it', async t => {
  const { manifest, blobs } = await buildOciImage(spec)
  const { config, layers } = JSON.parse(blobs.get(manifest.digest)!.toString())
  const { architecture, config: settings, rootfs } = JSON.parse(blobs.get(config.digest)!.toString())
  t.is(architecture, 'arm64')
  t.deepEqual(settings, {
    ...{ User: '7:7', ExposedPorts: { '80/tcp': {} }, Env: ['A=1'], Entrypoint: ['/usr/bin/x'], Cmd: ['-v'] },
    WorkingDir: '/w',
  })
  t.deepEqual(rootfs.diff_ids, [layers[0].digest])
  const listing = spawnSync('tar', ['tv'], { input: blobs.get(layers[0].digest)!, encoding: 'utf8' }).stdout
  const lines = listing
    .trimEnd()
    .split('\n')
    .map(line => line.split(/\s+/))
  t.deepEqual(
    lines.map(([mode, , , , , ...name]) => `${mode} ${name.join(' ')}`),
    [
      'drwxr-xr-x etc/',
      'lrwxrwxrwx etc/link -> ../usr/bin/x',
      'drwxrwxrwt tmp/',
      'drwxr-xr-x usr/',
      'drwxr-xr-x usr/bin/',
      '-rwxr-xr-x usr/bin/x',
    ],
  )
})

test('our own images carry the names that manifests and containerd use', async t => {
  const paths = await buildImages(join(folder, 'ours'))
  const images = (await Promise.all(paths.map(readOciArchive))).flat()
  t.deepEqual(images.map(({ name }) => name).sort(), [helloImage, pauseImage])
})

test('images for another architecture have its busybox, which apt fetched and checked', async t => {
  const other = localArchitecture() === 'arm64' ? 'amd64' : 'arm64'
  const [path] = await buildImages(join(folder, 'other'), other)
  const [image] = await readOciArchive(path!)
  const { config, layers } = JSON.parse(image!.blobs.get(image!.manifest.digest)!.toString())
  t.is(JSON.parse(image!.blobs.get(config.digest)!.toString()).architecture, other)
  const layer = image!.blobs.get(layers[0].digest)!
  const busybox = spawnSync('tar', ['x', '--to-stdout', 'bin/busybox'], { input: layer, maxBuffer: 2 ** 24 }).stdout
  // elf(5): e_machine is at 18. 183 is AArch64, 62 x86-64.
  t.is(busybox.readUInt16LE(18), other === 'arm64' ? 183 : 62)
})

test('a busybox that is missing or needs libraries is named together with the package that has a static one', async t => {
  await t.throwsAsync(busyboxFiles([], '/no/busybox'), { message: /no \/no\/busybox; install .* busybox-static/ })
  const dynamic = join(folder, 'busybox')
  writeFileSync(dynamic, '\x7fELF…/lib64/ld-linux-x86-64.so.2…')
  await t.throwsAsync(busyboxFiles([], dynamic), { message: /is not static; install .* busybox-static/ })
})

test('a file that is missing, and an archive that is none, are named', async t => {
  const path = join(folder, 'missing.tar')
  const files = [{ path: 'x', mode: 0o644, source: '/no/such/file' }]
  await t.throwsAsync(writeOciArchive({ ...spec, files, path }), {
    message: /cannot put \/no\/such\/file into an image/,
  })
  const empty = join(folder, 'empty.tar')
  spawnSync('tar', ['cf', empty, '--files-from=/dev/null'])
  await t.throwsAsync(readOciArchive(empty), { message: /has no index.json/ })
})
