import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import { boardNames, type RenderedFile } from '../../firmware-config/profile.ts'
import { type RootScope, renderRoot } from '../../firmware-config/render-root.ts'
import { pauseImage } from '../../images/pause.ts'
import { assets } from './assets.ts'
import { canUseRoot, runInRoot } from './throw-away-root.ts'
import { findUnexplained } from './unexplained.ts'

const execute = promisify(execFile)
const board = loadProfile(assets, 'rpi-4')

test('every setting has its why beside it, with a source', t => {
  const data = assets
    .list('firmware-config')
    .filter(name => !/\.(ts|sh|yaml|service|path|nft)$|nftables\.conf$|sysusers/.test(name))
  t.true(data.length > 15, 'the list is broken: it holds hardly any file')
  const found = data.flatMap(name =>
    findUnexplained(new TextDecoder().decode(assets.read(name))).map(line => `${name}: ${line}`),
  )
  t.deepEqual(found, [], 'say why above the line, and where it is written: a URL or a manual page')
})

test('a setting without a why would be found', t => {
  t.deepEqual(findUnexplained('# Head, x(5).\n\n# Why.\na=1\nb=2\n\nc=3\n'), ['c=3'])
  t.deepEqual(findUnexplained('# Why, but from where?\na=1\n'), ['a=1'])
  t.deepEqual(findUnexplained('# Why. https://example.org/a\n[Section]\na=1\n'), [])
  t.deepEqual(findUnexplained('[Unit]\nDescription=x\n[Mount]\nWhat=y\n'), ['What=y'])
})

test('a machine that others use gets drop-ins of our own name, and nothing that is somebody else’s', t => {
  for (const { path } of filesOf('board')) t.regex(path, /\/[^/]*flotilla[^/]*$/)
  for (const { path } of filesOf('package')) t.true(path.startsWith('/usr/lib/'), `${path}: /etc is its owner's`)
  for (const [less, more] of [
    ['package', 'board'],
    ['board', 'own-image'],
  ] as const) {
    const paths = filesOf(more).map(({ path }) => path)
    t.true(filesOf(less).every(({ path }) => paths.includes(path)))
    t.true(paths.length > filesOf(less).length)
  }
})

test('a purge of the package takes along all that a board was set to', t => {
  const purge = readFileSync('images/debian/maintainer/postrm', 'utf8')
  const packaged = filesOf('package').map(({ path }) => path)
  const own = filesOf('board')
    .map(({ path }) => path)
    .filter(path => !packaged.includes(path))
  // Of our own units the whole folder of drop-ins goes.
  const left = own.filter(path => !purge.includes(path) && !/\/flotilla-\w+\.service\.d\//.test(path))
  t.deepEqual(left, [])
})

test('every profile has the files of all boards', t => {
  for (const name of boardNames) {
    const paths = renderRoot(assets, loadProfile(assets, name)).map(({ path }) => path)
    t.true(paths.includes('/etc/sysctl.d/60-flotilla.conf'), name)
    t.deepEqual(paths, [...paths].sort())
  }
})

test('what is to be run may be, and the rest may not', t => {
  for (const { content, mode, path } of filesOf('own-image')) t.is(mode, content.startsWith('#!') ? 0o755 : 0o644, path)
})

test('containerd takes its configuration, and the agent and the images mean the same by it', async t => {
  if (!has(t, '/usr/bin/containerd')) return
  const { stdout } = await withFile(contentOf('/etc/containerd/flotilla.toml'), path =>
    execute('containerd', ['--config', path, 'config', 'dump']),
  )
  const value = (name: string): string | undefined => new RegExp(`^\\s*${name} = "?([^"\\n]*)`, 'm').exec(stdout)?.[1]
  t.is(value('sandbox_image'), pauseImage)
  t.is(value('SystemdCgroup'), 'true')
  t.is(value('bin_dir'), '/usr/lib/cni')
  t.is(value('discard_unpacked_layers'), 'true')
  t.regex(stdout, /^ *address = "\/run\/containerd\/containerd.sock"$/m)
  // With systemd's cgroups runc takes slices only, and the agent has to name one: both or none.
  t.regex(
    contentOf('/etc/systemd/system/flotilla-agent.service.d/60-flotilla.conf'),
    /--cgroup-parent flotilla\.slice"$/m,
  )
  t.regex(contentOf('/usr/lib/systemd/system/flotilla-agent.service'), /^ExecStart=.* \$FLOTILLA_AGENT_OPTIONS$/m)
})

test('every sysctl is one of this kernel', t => {
  const settings = filesOf('own-image')
    .filter(({ path }) => path.includes('/sysctl.d/'))
    .flatMap(({ content }) => content.split('\n').filter(line => /^\w/.test(line)))
  t.true(settings.length > 10)
  for (const line of settings) {
    const [, name = '', value] = /^([\w.-]+) = (.+)$/.exec(line) ?? []
    t.truthy(value, line)
    t.true(existsSync(`/proc/sys/${name.replaceAll('.', '/')}`), name)
  }
})

test("the board's base of rules loads, loads again, and takes away nothing but itself", async t => {
  if (!canUseRoot(t) || !has(t, '/usr/sbin/nft')) return
  const stop = /ExecStop=(\/.*)$/m.exec(contentOf('/etc/systemd/system/nftables.service.d/60-flotilla.conf'))?.[1]
  const { status, output } = await runInRoot({
    files: { '/root/rules': contentOf('/etc/nftables.conf') },
    script: `set -e
      nft add table ip flotilla
      nft -f /root/rules; nft -f /root/rules
      echo "rules: $(nft list chain inet flotilla_board prerouting | grep -c drop)"
      ${stop}
      echo "left: $(nft list tables)"`,
  })
  t.is(status, 0, output)
  t.is(output, 'rules: 3\nleft: table ip flotilla\n')
})

test('systemd takes the units and the drop-ins', async t => {
  if (!canUseRoot(t) || !has(t, '/usr/bin/systemd-analyze')) return
  const files = filesOf('own-image').filter(({ path }) => path.includes('/systemd/system/'))
  const units = files.map(({ path }) => path).filter(path => !path.endsWith('.conf'))
  const { output } = await runInRoot({
    files: {
      ...Object.fromEntries(files.map(({ path, content }) => [path, content])),
      '/usr/bin/flotilla': '#!/bin/sh\n',
      '/lib/systemd/system/nftables.service': readFileSync('/lib/systemd/system/nftables.service', 'utf8'),
    },
    script: `systemd-analyze verify --man=no ${units.join(' ')} containerd.service nftables.service; echo "ended: $?"`,
  })
  t.is(output, 'ended: 0\n')
})

test('every script is one that shellcheck has nothing to say about', async t => {
  if (!has(t, '/usr/bin/shellcheck')) return
  const scripts = assets.list('firmware-config').filter(name => name.endsWith('.sh'))
  t.true(scripts.length > 1)
  await t.notThrowsAsync(execute('shellcheck', scripts))
})

test('the swap in memory is made as it says', async t => {
  if (!canUseRoot(t)) return
  const path = '/etc/systemd/zram-generator.conf'
  const { output } = await runInRoot({
    packages: ['systemd-zram-generator'],
    files: Object.fromEntries(
      ['good', 'bad'].map(name => [
        `/root/${name}${path}`,
        contentOf(path).replace('ram / 2', name === 'good' ? 'ram / 2' : 'ram /'),
      ]),
    ),
    // With a root of its own it asks nobody whether it is in a container, where it would do nothing.
    script: `for name in good bad; do
        mkdir /root/$name/proc /root/$name-units; cp /proc/meminfo /proc/cmdline /proc/crypto /root/$name/proc
        ZRAM_GENERATOR_ROOT=/root/$name /lib/systemd/system-generators/zram-generator /root/$name-units /root/$name-units /root/$name-units 2>/dev/null
        echo "$name: $?"
      done
      ls /root/good-units/swap.target.wants; grep What= /root/good-units/dev-zram0.swap
      for word in zram-size compression-algorithm; do grep -c -a $word /lib/systemd/system-generators/zram-generator; done`,
  })
  t.regex(output, /^good: 0\nbad: [1-9]\d*\ndev-zram0\.swap\nWhat=\/dev\/zram0\n[1-9]\d*\n[1-9]/)
})

/** Where the programs keep the names that they know. */
const readers: Record<string, string[]> = {
  'system.conf.d': ['/usr/lib/systemd/systemd', '/usr/lib/systemd/libsystemd-core'],
  'journald.conf.d': ['/usr/lib/systemd/systemd-journald'],
  'timesyncd.conf.d': ['/usr/lib/systemd/systemd-timesyncd'],
}

test("systemd's programs know every name in their drop-ins", t => {
  for (const [folder, programs] of Object.entries(readers)) {
    const present = programs.filter(existsSync)
    if (present.length === 0) {
      t.log(`skipped: no ${programs[0]}`)
      continue
    }
    const binary = Buffer.concat(present.map(path => readFileSync(path)))
    const names = filesOf('own-image')
      .filter(({ path }) => path.includes(`/${folder}/`))
      .flatMap(({ content }) => [...content.matchAll(/^(\w+)=/gm)].map(match => match[1]!))
    t.true(names.length > 0, folder)
    for (const name of names) t.true(binary.includes(name), `${folder}: ${name}`)
    t.false(binary.includes('RuntimeWatchDogSecs'), 'a slip would be found')
  }
})

function filesOf(scope: RootScope): RenderedFile[] {
  return renderRoot(assets, board, scope)
}

function contentOf(path: string): string {
  return filesOf('own-image').find(file => file.path === path)?.content ?? ''
}

function has(t: ExecutionContext, program: string): boolean {
  if (existsSync(program)) return true
  if (process.env['CI']) t.fail(`no ${program}`)
  else t.pass(`skipped: no ${program}`)
  return false
}

async function withFile<T>(content: string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-settings-'))
  try {
    await writeFile(join(folder, 'file'), content)
    return await use(join(folder, 'file'))
  } finally {
    await rm(folder, { recursive: true })
  }
}
