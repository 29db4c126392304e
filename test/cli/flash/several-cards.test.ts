import test from 'ava'
import { createFleet } from '../harness.ts'
import { canUseLoops, createLoop, run } from './disk/loop-device.ts'
import { makeStockImage, readBoot, stockFiles } from './stock-image.ts'

const tools = ['mkfs.vfat', 'mcopy', 'sfdisk']
const cardBytes = 64 * 1024 * 1024

/** Another card in the same drive, in one go: whoever looks for a free loop device meanwhile is not to get this one. */
async function change(drive: string, backing: string, ...options: string[]): Promise<void> {
  await run('sh', '-c', 'losetup --detach "$0" && losetup "$@"', drive, ...options, drive, backing)
}

test('several cards go through one drive, and none is written twice', async t => {
  if (!canUseLoops(t, tools)) return
  const fleet = await createFleet(t, { size: { columns: 120, rows: 40 } })
  const image = await makeStockImage(t, { files: stockFiles.own })
  const [drive, other] = [await createLoop(t, cardBytes), await createLoop(t, cardBytes)]
  await run('losetup', '--detach', other.path)
  const running = fleet.start(
    'flash',
    drive.path,
    '--image',
    image,
    '-b',
    'rpi-zero-2w',
    '-H',
    'rack-1',
    '--count',
    '2',
  )
  const answer = async (question: RegExp, text: string): Promise<void> => {
    await running.warns(question)
    running.terminal.stdin.write(`${text}\n`)
  }
  await answer(/Network +none: LOOK TWICE.*Go on\? \[y\/N\] $/s, 'y')
  await answer(/Take the card of rack-1 out, and put one for rack-2 into .*press Enter\. $/, '')
  await running.warns(/This is still the card of rack-1\.\nPress Enter when the next card is in\. $/)
  await change(drive.path, await fleet.file('no card', ''))
  running.terminal.stdin.write('\n')
  await running.warns(/There is no card in .* yet\.\nPress Enter when the next card is in\. $/)
  await change(drive.path, other.backing, '--read-only')
  running.terminal.stdin.write('\n')
  await running.warns(
    /Not this one: cannot write to .*: because it is read-only.*\nPress Enter when the next card is in\. $/,
  )
  await change(drive.path, other.backing)
  running.terminal.stdin.write('\n')
  await answer(/Go on with rack-2\? \[y\/N\] $/, 'y')
  const ran = await running.done
  t.is(ran.status, 0, ran.stderr)
  for (const [card, name] of [
    [drive, 'rack-1'],
    [other, 'rack-2'],
  ] as const)
    t.regex((await readBoot(card.backing, 'flotilla/card.yaml')) ?? '', new RegExp(`hostname: ${name}`))
  t.deepEqual((await fleet.names({ resource: 'nodes' })).sort(), ['rack-1', 'rack-2'])
})

test('without a terminal the next card is waited for; whoever ends that keeps the cards that are done', async t => {
  if (!canUseLoops(t, tools)) return
  const fleet = await createFleet(t)
  const image = await makeStockImage(t, { files: stockFiles.own })
  const drive = await createLoop(t, cardBytes)
  const running = fleet.start(
    'flash',
    drive.path,
    '--image',
    image,
    '-b',
    'rpi-4',
    '-H',
    'a-1',
    '--count',
    '2',
    '--yes',
    '--json',
  )
  await running.warns(/This is still the card of a-1/)
  running.hangUp()
  const ran = await running.done
  t.is(ran.status, 130, ran.stderr)
  const lines = ran.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.like(
    lines.find(({ phase }) => phase === 'done'),
    { hostname: 'a-1', index: 1, count: 2 },
  )
  t.deepEqual(await fleet.names({ resource: 'nodes' }), ['a-1'])
  t.is((await fleet.names({ resource: 'jointokens' })).length, 1)
  t.is(await readBoot(drive.backing, 'flotilla/join').then(line => line === undefined), false)
})
