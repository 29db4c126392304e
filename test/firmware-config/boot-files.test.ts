import test from 'ava'
import { amendBoot, loaderEntries, type StockBoot } from '../../firmware-config/amend-boot.ts'
import { amendCommandLine, readWords, splitWords } from '../../firmware-config/command-line.ts'
import { amendConfigTxt, readSetting } from '../../firmware-config/config-txt.ts'
import { loadProfile } from '../../firmware-config/load-profile.ts'
import { boardNames, type RenderedFile } from '../../firmware-config/profile.ts'
import { seededRandom } from '../../kit/random.ts'
import { assets } from './assets.ts'

/** The lines that matter of what Raspberry Pi OS has. */
const stockConfig = `# For more options and information see
dtparam=audio=on
dtoverlay=vc4-kms-v3d
arm_64bit=1

[cm4]
otg_mode=1

[cm5]
dtoverlay=dwc2,dr_mode=host
`
const stockLine =
  'console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait quiet'
const raspberryPiOs = { 'config.txt': stockConfig, 'cmdline.txt': `${stockLine}\n` }

test('of a command line only what must change does', t => {
  const words = readWords('# why\ncgroup_enable=memory\n\npanic=10\nconsole=ttyS9\nquiet\n')
  t.deepEqual(words, ['cgroup_enable=memory', 'panic=10', 'console=ttyS9', 'quiet'])
  t.is(amendCommandLine('a=1 panic=60 b', words), 'a=1 panic=10 b cgroup_enable=memory console=ttyS9 quiet')
  t.is(
    amendCommandLine('console=tty1 quiet', words),
    'console=tty1 quiet cgroup_enable=memory panic=10',
    "its owner's console",
  )
  t.is(
    amendCommandLine('cgroup_disable=memory x cgroup_enable=cpuset', words.slice(0, 1)),
    'x cgroup_enable=cpuset cgroup_enable=memory',
  )
  t.is(amendCommandLine('ds=nocloud;i=old a ds=x', ['ds=nocloud;i=new']), 'ds=nocloud;i=new a')
  t.deepEqual(splitWords(' a="b c"  d=e '), ['a="b c"', 'd=e'])
})

test('whatever line an image has: once is enough, and no word of it is lost that we do not set', t => {
  const ours = readWords('cgroup_enable=memory\npanic=10\nconsole=tty1\nds=nocloud;i=x\n')
  const known = [
    'quiet',
    'panic=0',
    'panic',
    'console=ttyS0',
    'cgroup_enable=cpuset',
    'root=/dev/x',
    'ds=a',
    'a="b c"',
    'cgroup_enable=memory',
  ]
  const random = seededRandom(7)
  for (let round = 0; round < 2000; round++) {
    const before = Array.from(
      { length: Math.floor(random.number() * 8) },
      () => known[Math.floor(random.number() * known.length)]!,
    )
    const after = amendCommandLine(before.join(' '), ours)
    t.is(amendCommandLine(after, ours), after, before.join(' '))
    const words = splitWords(after)
    const kept = before.filter(word => !/^(panic|ds)(=|$)/.test(word))
    t.true(
      kept.every(word => words.includes(word)),
      before.join(' '),
    )
    t.true(
      ['cgroup_enable=memory', 'panic=10', 'ds=nocloud;i=x'].every(word => words.includes(word)),
      after,
    )
    t.is(words.filter(word => word.startsWith('panic')).length, 1, after)
  }
})

test('two consoles of ours both get onto a line that has none, in their order', t => {
  t.is(amendCommandLine('', ['console=ttyS1', 'console=tty1']), 'console=ttyS1 console=tty1')
})

test('our block of config.txt ends what the image has begun, and holds nothing on that follows', t => {
  const text = amendConfigTxt(stockConfig, ['[pi3]\ngpu_mem=16'])
  t.true(text.startsWith(stockConfig.trimEnd()), 'what was there is there')
  const effective = settingsFor(text, 'pi4')
  t.is(effective.at(-1), 'dtoverlay=', 'parameters after it are no longer those of an overlay of the image')
  t.true(settingsFor(text, 'pi3').includes('gpu_mem=16'))
  t.false(effective.includes('gpu_mem=16'))
  const longer = amendConfigTxt(`${text}\nmine=1\n`, ['x=2'])
  t.is(settingsFor(longer, 'pi4').at(-1), 'mine=1')
  t.false(longer.includes('gpu_mem'), 'the block is replaced')
  const edited = amendConfigTxt(text.replaceAll('\n', '\r\n'), ['x=2'])
  t.is(edited.split('dtoverlay=\n').length, 2, 'also after an editor of Windows')
})

test('a setting behind a filter is not taken for one of all boards', t => {
  t.is(readSetting('os_prefix=a/\n[tryboot]\nos_prefix=b/\n', 'os_prefix'), 'a/')
  t.is(readSetting('[pi4]\nos_prefix=b/\n', 'os_prefix'), undefined)
})

for (const name of boardNames) {
  const profile = loadProfile(assets, name)

  test(`${name}: amending what is amended changes nothing`, t => {
    const stocks = [
      raspberryPiOs,
      { 'config.txt': 'os_prefix=a/\n', 'a/cmdline.txt': 'root=PARTUUID=1-02\n' },
      { [loaderEntries[0]]: 'title Flotilla\nlinux /a/linux\noptions root=PARTUUID=1-02\n' },
      {},
    ]
    for (const stock of stocks) {
      const files = new Map(Object.entries(stock))
      const once = amendBoot(assets, profile, reading(files))
      for (const { path, content } of once) files.set(path, content)
      t.deepEqual(amendBoot(assets, profile, reading(files)), [])
    }
  })
}

test('a Raspberry Pi gets its memory cgroup, its watchdog and the settings of its model', t => {
  const files = amend('rpi-3', raspberryPiOs)
  t.is(
    files.get('cmdline.txt'),
    `${stockLine} cgroup_enable=memory panic=10\n`,
    'all of the image is kept, and its consoles count',
  )
  const config = files.get('config.txt') ?? ''
  for (const model of ['pi3', 'pi4', 'pi5', 'pi02'])
    t.true(settingsFor(config, model).includes('dtparam=watchdog=on'), model)
  t.deepEqual(
    ['pi3', 'pi3+', 'pi4', 'pi02', 'pi5'].map(model => settingsFor(config, model).includes('gpu_mem=16')),
    [
      ...[true, false, true, true],
      // The firmware is in its EEPROM, and knows no such setting.
      false,
    ],
  )
  t.deepEqual(
    ['pi3', 'pi3+', 'pi4', 'pi02', 'pi5'].filter(model =>
      settingsFor(config, model).some(line => line.startsWith('temp_soft')),
    ),
    ['pi3+'],
  )
})

test('a card may move from one Raspberry Pi to another', t => {
  const [first, ...others] = boardNames
    .filter(name => name.startsWith('rpi-'))
    .map(name => amend(name, raspberryPiOs).get('config.txt'))
  t.truthy(first)
  for (const other of others) t.is(other, first)
})

test('the firmware reads every line of ours to its end', t => {
  const config = amend('rpi-4', { 'config.txt': '' }).get('config.txt') ?? ''
  const lines = config.split('\n')
  // 98 bytes: what_is_config_txt of Raspberry Pi's documentation.
  t.deepEqual(
    lines.filter(line => line.length > 98),
    [],
  )
  t.deepEqual(
    lines.filter(line => /[^ -~]/.test(line)),
    [],
  )
})

test('where an image keeps a folder for each system, its command line is there', t => {
  const files = amend('rpi-5', {
    'config.txt': '[all]\nos_prefix=a/\n',
    'a/cmdline.txt': 'root=PARTUUID=f1077a11-02 quiet\n',
  })
  t.deepEqual([...files.keys()], ['config.txt', 'a/cmdline.txt'])
  const words = splitWords(files.get('a/cmdline.txt') ?? '')
  t.deepEqual(words.slice(0, 2), ['root=PARTUUID=f1077a11-02', 'quiet'])
  t.true(words.includes('cgroup_enable=memory'))
  t.is(words.at(-1), 'console=tty1', 'the screen is /dev/console')
})

test("UEFI: our own entries get the board's words, and other loaders keep theirs", t => {
  const entry = 'title Flotilla\nversion 1\nlinux /a/vmlinuz\ninitrd /a/initrd\noptions root=PARTUUID=1-02 ro\n'
  const files = amend('generic-amd64', { [loaderEntries[0]]: entry, 'EFI/debian/grub.cfg': 'configfile x\n' })
  t.deepEqual([...files.keys()], [loaderEntries[0]])
  t.is(files.get(loaderEntries[0]), entry.replace('ro\n', 'ro panic=10 console=ttyS0,115200 console=tty1\n'))
  t.is(amend('generic-arm64', {}).size, 0)
})

test("what a card needs besides its profile gets onto the command line, also in an earlier word's place", t => {
  const words = ['ds=nocloud;i=two', 'cfg80211.ieee80211_regdom=DE']
  const stock = { ...raspberryPiOs, 'cmdline.txt': 'ds=nocloud;i=one root=x\n' }
  const line = amend('rpi-4', stock, words).get('cmdline.txt') ?? ''
  t.deepEqual(splitWords(line).slice(0, 2), ['ds=nocloud;i=two', 'root=x'])
  t.true(line.includes('cfg80211.ieee80211_regdom=DE'))
})

function amend(board: string, stock: Record<string, string>, words: string[] = []): Map<string, string> {
  const files = amendBoot(assets, loadProfile(assets, board), { ...reading(new Map(Object.entries(stock))), words })
  checkPlace(files)
  return new Map(files.map(({ path, content }) => [path, content]))
}

function checkPlace(files: RenderedFile[]): void {
  if (files.some(({ place, path }) => place !== 'boot' || path.startsWith('/')))
    throw new Error('not on the boot partition')
}

function reading(files: Map<string, string>): StockBoot {
  return { read: path => files.get(path) }
}

/** As the firmware reads it: only the model's filter is known, each replaces the one before, [all] ends it. */
function settingsFor(text: string, model: string): string[] {
  let filter = 'all'
  return text.split('\n').filter(line => {
    const found = /^\[(.*)\]$/.exec(line)?.[1]
    filter = found ?? filter
    return found === undefined && line !== '' && !line.startsWith('#') && (filter === 'all' || filter === model)
  })
}
