import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type ChoiceParts, chooseTarget } from '../../../cli/flash/choose-target.ts'
import type { Drive } from '../../../cli/flash/disk/drive.ts'
import { CodedError } from '../../../kit/errors.ts'
import { createFleet, type FakeTerminal, type Running } from '../harness.ts'
import { canUse, canUseLoops, createLoop } from './disk/loop-device.ts'
import { makeStockImage, readBoot, stockFiles } from './stock-image.ts'

const size = { columns: 120, rows: 40 }

function drive(name: string, more: Partial<Drive> = {}): Drive {
  const base = {
    path: `/dev/${name}`,
    name,
    sizeBytes: 32e9,
    model: 'SanDisk Ultra',
    serial: undefined,
    attachment: 'usb',
    removable: true,
  }
  return { ...base, readOnly: false, parts: [], devices: [], ...more } as Drive
}

const part = (path: string, mounts: string[]): Drive['parts'][number] => ({
  path,
  type: 'part',
  sizeBytes: 1e9,
  fileSystem: 'vfat',
  label: 'PHOTOS',
  mounts,
})

/** A terminal without a command: `shown` is what it wrote. */
async function choice(
  t: ExecutionContext,
  drives: Drive[][],
  answers: string[],
): Promise<ChoiceParts & { shown: () => string }> {
  const { terminal } = (await createFleet(t, { size })).start('version', '--client')
  const seen = { text: '', lists: 0 }
  const warn = (text: string): void => {
    seen.text += text
    // A question ends without a line end: whoever is asked answers.
    if (!text.endsWith('\n')) setImmediate(() => terminal.stdin.write(`${answers.shift() ?? ''}\n`))
  }
  const now = (): Drive[] => drives[Math.min(seen.lists, drives.length - 1)]!
  return {
    terminal: { ...terminal, warn },
    drives: {
      async list() {
        const list = now()
        seen.lists++
        return list
      },
      async find(path) {
        const found = now().find(each => each.path === path)
        if (found) return found
        throw new CodedError('NotFound', 'there is none')
      },
    },
    image: { sizeBytes: 2e9, device: undefined },
    force: undefined,
    shown: () => seen.text,
  }
}

test('only what can be taken out is offered, and it is chosen by its number or its name', async t => {
  const drives = [
    drive('sda', { attachment: 'internal', removable: false }),
    drive('sdb', { parts: [part('/dev/sdb1', [])] }),
    drive('mmcblk0', { attachment: 'mmc' }),
  ]
  for (const answer of ['1', 'sdb', '/dev/sdb']) {
    const parts = await choice(t, [drives], [answer])
    t.like(await chooseTarget(undefined, parts), { kind: 'drive', path: '/dev/sdb' })
    t.regex(parts.shown(), / 1 {2}\/dev\/sdb +32\.0 GB {2}SanDisk Ultra {2}USB {2}with PHOTOS\n +2 {2}\/dev\/mmcblk0/)
    t.false(parts.shown().includes('sda'))
  }
})

test('who has not put a card in yet is waited for, and who mistypes is asked again', async t => {
  const parts = await choice(t, [[], [drive('sdb')], [drive('sdb')]], ['', '7', '1'])
  t.like(await chooseTarget(undefined, parts), { path: '/dev/sdb' })
  t.regex(parts.shown(), /No card is here that could be written\. Put one in.*There is no 7 in the list/s)
})

test('who never chooses is not asked for ever', async t => {
  const parts = await choice(t, [[drive('sdb')]], [])
  await t.throwsAsync(chooseTarget(undefined, parts), { code: 'NotFound', message: /none was chosen/ })
})

test('without a terminal the drives are listed in the error', async t => {
  const parts = await choice(t, [[drive('sdb')]], [])
  parts.terminal.stdin.isTTY = false
  await t.throwsAsync(chooseTarget(undefined, parts), {
    message: /name the drive to write to\. There are:\n {2}\/dev\/sdb/,
  })
})

/** A block device that is there; what it is, the ports say. */
async function posing(t: ExecutionContext, more: Partial<Drive>): Promise<Drive> {
  const { path } = await createLoop(t, 1024 * 1024)
  return drive(path.slice('/dev/'.length), more)
}

test('a drive of this machine is had by typing its name, and by nothing else', async t => {
  if (!canUseLoops(t)) return
  const internal = await posing(t, { attachment: 'internal', removable: false })
  const ask = async (answers: string[], force?: string) =>
    chooseTarget(internal.path, { ...(await choice(t, [[internal]], answers)), force })
  await t.throwsAsync(ask(['y']), { code: 'Forbidden', message: /built into this machine.*--force loop\d+/ })
  await t.throwsAsync(ask([internal.name], 'sdb'), { code: 'Forbidden' }, 'the name of another')
  t.like(await ask([internal.name]), { path: internal.path })
  t.like(await ask([], internal.name), { path: internal.path })
})

test('the disk of the running system cannot be had by any name', async t => {
  if (!canUseLoops(t)) return
  const system = await posing(t, { parts: [part('/dev/loop0p1', ['/'])] })
  const parts = { ...(await choice(t, [[system]], [system.name])), force: system.name }
  const error = await t.throwsAsync(chooseTarget(system.path, parts), {
    code: 'Forbidden',
    message: /this machine runs from it/,
  })
  t.false(error.message.includes('--force'))
})

test('what the command line leaves out is asked for, and a passphrase is not shown', async t => {
  if (!canUse(t, ['mkfs.vfat', 'mcopy', 'sfdisk'])) return
  const fleet = await createFleet(t, { size })
  const image = await makeStockImage(t, { files: stockFiles.own })
  const out = join(fleet.folder, 'card.img')
  await writeFile(out, 'mine')
  const running = fleet.start('flash', out, '--image', image, '--wifi', 'Home')
  const { terminal } = running
  await answer(running, terminal, [
    [/Which board is it for\? Its number or name: $/, 'rpi-9'],
    [/There is no rpi-9 in the list\.\nWhich board.*: $/, '2'],
    [/What is the board to be called \(such as board-1\)\? $/, 'board-5'],
  ])
  await running.warns(/Passphrase of the wifi Home \(not shown; empty for an open one\): $/)
  terminal.stdin.write('correct horsf\u007fe\r')
  await running.warns(/Once more: $/)
  terminal.stdin.write('correct horse\r')
  await answer(running, terminal, [
    [/two letters such as DE or GB: $/, 'de'],
    [/card\.img will be gone\. Go on\? \[y\/N\] $/, 'yes'],
  ])
  const ran = await running.done
  t.is(ran.status, 0, ran.stderr)
  t.false(ran.stderr.includes('correct'))
  t.deepEqual(terminal.raw, [true, false, true, false])
  t.regex(
    (await readBoot(out, 'flotilla/card.yaml')) ?? '',
    /hostname: board-5\n(.*\n)*wifi:\n {2}country: DE\n {2}key: [0-9a-f]{64}\n/,
  )
})

test('Ctrl-C at a question ends it with nothing done', async t => {
  const fleet = await createFleet(t, { size })
  const running = fleet.start(
    'flash',
    join(fleet.folder, 'card.img'),
    '--image',
    'x',
    '-b',
    'rpi-4',
    '-H',
    'a',
    '--wifi',
    'Home',
  )
  await running.warns(/Passphrase of the wifi/)
  running.terminal.stdin.write('half a passph\u0003')
  t.is((await running.done).status, 130)
  const named = fleet.start('flash', join(fleet.folder, 'card.img'), '--image', 'x', '-b', 'rpi-4')
  await named.warns(/What is the board to be called/)
  named.hangUp()
  t.is((await named.done).status, 130)
  t.deepEqual(await fleet.names({ resource: 'jointokens' }), [])
})

async function answer(
  running: Running,
  terminal: FakeTerminal,
  dialogue: Array<[question: RegExp, answer: string]>,
): Promise<void> {
  for (const [question, text] of dialogue) {
    await running.warns(question)
    terminal.stdin.write(`${text}\n`)
  }
}
