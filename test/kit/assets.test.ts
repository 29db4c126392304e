import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type Assets, folderAssets, packedAssets, programAssets } from '../../kit/assets.ts'
import { CodedError } from '../../kit/errors.ts'

const content: Record<string, string> = { 'boards/b/z.conf': 'z', 'boards/a.yaml': 'a: 1', 'boards-more/x': 'x' }

const asked = test.macro((t: ExecutionContext, assetsOf: (t: ExecutionContext) => Assets) => {
  const assets = assetsOf(t)
  t.deepEqual(
    assets.list('boards'),
    ['boards/a.yaml', 'boards/b/z.conf'],
    'all depths, sorted, and no folder that begins alike',
  )
  t.deepEqual(assets.list('boards/b'), ['boards/b/z.conf'])
  t.deepEqual(assets.list('nothing'), [])
  t.is(Buffer.from(assets.read('boards/a.yaml')).toString(), 'a: 1')
  t.is(t.throws(() => assets.read('boards/none'), { instanceOf: CodedError }).code, 'NotFound')
})

test('files in a folder are found by name', asked, t => {
  const root = mkdtempSync(join(tmpdir(), 'flotilla-assets-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  for (const folder of ['boards/b', 'boards-more']) mkdirSync(join(root, folder), { recursive: true })
  for (const [name, text] of Object.entries({ ...content, 'boards/profile.ts': 'code' }))
    writeFileSync(join(root, name), text)
  return folderAssets(root)
})

test('files in a packed program are found by the same names', asked, () => {
  const files = new Map(Object.entries({ ...content }).map(([name, text]) => [`assets/${name}`, Buffer.from(text)]))
  files.set('lib/boards/code.js', Buffer.from('code'))
  return packedAssets({ names: [...files.keys()].sort(), read: name => files.get(name) })
})

test('from source, the program finds what lies beside its code', t => {
  const names = programAssets().list('firmware-config')
  t.true(names.some(name => name.endsWith('flotilla-agent.service')))
  t.false(names.some(name => name.endsWith('.ts')))
})
