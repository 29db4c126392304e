import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { nativePlaces, placeAddon } from '../../kit/native-place.ts'

const content = Buffer.from('an addon')
const isRoot = process.getuid?.() === 0

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'flotilla-place-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

test('an addon is written once, where only its owner may write', t => {
  const directory = join(folder(t), 'native')
  const path = placeAddon({ directory }, 'a.node', content)
  t.is(readFileSync(path, 'utf8'), 'an addon')
  t.is(statSync(directory).mode & 0o777, 0o700)
  t.is(statSync(path).mode & 0o777, 0o500)
  const { ino } = statSync(path)
  t.is(placeAddon({ directory }, 'a.node', content), path)
  t.is(statSync(path).ino, ino, 'what is there and right is taken')
  t.deepEqual(readdirSync(directory), ['a.node'])
})

test('what was left half-written or changed is replaced', t => {
  const directory = join(folder(t), 'native')
  const path = placeAddon({ directory }, 'a.node', content)
  chmodSync(path, 0o600)
  for (const text of ['an addox', 'an', '']) {
    writeFileSync(path, text)
    t.is(readFileSync(placeAddon({ directory }, 'a.node', content), 'utf8'), 'an addon')
    chmodSync(path, 0o600)
  }
})

test('a folder that others may write to is not used', t => {
  const above = folder(t)
  const directory = join(above, 'native')
  mkdirSync(directory)
  chmodSync(directory, 0o770)
  t.throws(() => placeAddon({ directory }, 'a.node', content), { message: 'others may write to it' })
  t.deepEqual(readdirSync(directory), [])
})

test('a folder below one that others may write to is used only where they cannot move it away', t => {
  const above = folder(t)
  chmodSync(above, 0o777)
  const directory = join(above, 'native')
  t.throws(() => placeAddon({ directory }, 'a.node', content), { message: `others may write to ${above}` })
  chmodSync(above, 0o1777)
  t.is(placeAddon({ directory }, 'a.node', content), join(directory, 'a.node'))
})

test('nor below one that somebody could move away further up, also by a link', t => {
  const top = folder(t)
  mkdirSync(join(top, 'open/ours'), { recursive: true })
  chmodSync(join(top, 'open'), 0o777)
  symlinkSync('open/ours', join(top, 'link'))
  for (const above of ['open/ours', 'link'])
    t.throws(() => placeAddon({ directory: join(top, above, 'native') }, 'a.node', content), {
      message: `others may write to ${join(top, 'open')}`,
    })
  chmodSync(join(top, 'open'), 0o755)
  t.is(placeAddon({ directory: join(top, 'link/native') }, 'a.node', content), join(top, 'open/ours/native/a.node'))
})

test('root loads nothing from the home of somebody else, who could put something else in its place', t => {
  if (!isRoot) {
    t.is(process.env['CI'], undefined, 'giving files away needs root')
    t.pass()
    return
  }
  const home = folder(t)
  mkdirSync(join(home, '.cache'))
  chownSync(home, 65534, 65534)
  const directory = join(home, '.cache/flotilla-native')
  t.throws(() => placeAddon({ directory }, 'a.node', content), { message: `${home} belongs to somebody else` })
  t.deepEqual(readdirSync(join(home, '.cache')), [])
})

test('links and files in the place of the folder or the addon are not followed', t => {
  const above = folder(t)
  mkdirSync(join(above, 'elsewhere'))
  symlinkSync('elsewhere', join(above, 'link'))
  t.throws(() => placeAddon({ directory: join(above, 'link') }, 'a.node', content), { message: 'it is not a folder' })
  writeFileSync(join(above, 'file'), '')
  t.throws(() => placeAddon({ directory: join(above, 'file') }, 'a.node', content), { message: 'it is not a folder' })
  const directory = join(above, 'native')
  mkdirSync(directory, { mode: 0o700 })
  symlinkSync('/bin/true', join(directory, 'a.node'))
  t.throws(() => placeAddon({ directory }, 'a.node', content), { message: /is not a file/ })
})

test('what belongs to somebody else is not used', t => {
  if (!isRoot) {
    t.is(process.env['CI'], undefined, 'giving files away needs root')
    t.pass()
    return
  }
  const above = folder(t)
  const directory = join(above, 'native')
  mkdirSync(directory, { mode: 0o700 })
  chownSync(directory, 65534, 65534)
  t.throws(() => placeAddon({ directory }, 'a.node', content), { message: 'it belongs to somebody else' })
})

test('where the program was installed, nothing is written', t => {
  const directory = folder(t)
  t.throws(() => placeAddon({ directory, installed: true }, 'a.node', content), {
    message: 'it is not installed there',
  })
  t.deepEqual(readdirSync(directory), [])
  writeFileSync(join(directory, 'a.node'), content)
  t.is(placeAddon({ directory, installed: true }, 'a.node', content), join(directory, 'a.node'))
})

test('places: what was asked for, what systemd gives, then the own ones, then those that are everybody’s', t => {
  const env = {
    FLOTILLA_NATIVE_DIR: '/x',
    RUNTIME_DIRECTORY: '/run/a:/run/b',
    STATE_DIRECTORY: '/var/lib/a',
    TMPDIR: '/t',
  }
  t.deepEqual(
    nativePlaces(env, { id: 7, home: '/home/u' }).map(({ directory }) => directory),
    [
      '/usr/lib/flotilla',
      '/x',
      '/run/a/flotilla-native',
      '/var/lib/a/flotilla-native',
      '/home/u/.cache/flotilla-native',
      '/dev/shm/flotilla-native-7',
      '/t/flotilla-native-7',
      '/var/tmp/flotilla-native-7',
      '/tmp/flotilla-native-7',
    ],
  )
  const ofRoot = nativePlaces({}, { id: 0, home: '/root' }).map(({ directory }) => directory)
  t.true(ofRoot.includes('/run/flotilla-native'))
})
