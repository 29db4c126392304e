import test from 'ava'
import { Led, patternOf } from '../../../../agent/board/first-boot/led.ts'
import { blinksOf } from '../../../../agent/board/first-boot/problem.ts'
import { findConsoles } from '../../../../agent/board/first-boot/teller.ts'
import { FakeClock } from '../../../../kit/fake-clock.ts'
import { CrashDisk } from '../crash-disk.ts'

const files = { '/sys/class/leds/ACT/trigger': 'mmc0', '/sys/class/leds/led1/trigger': 'x' }

test('a problem is so many short blinks and a pause, over and over, until another sign', async t => {
  const [disk, clock] = [new CrashDisk(files), new FakeClock()]
  const led = new Led({ disk, clock, names: ['led0', 'ACT'] })
  await led.show({ blinks: 3 })
  await clock.advance(2 * (3 * 400 + 1600) - 100)
  const ons = disk.poked.filter(line => line === 'brightness 1')
  t.is(ons.length, 6)
  t.is(disk.poked[0], 'trigger none', 'the card’s own flickering ends')
  await led.show({ blinks: 3 })
  await led.show('done')
  const { length } = disk.poked
  await clock.advance(10_000)
  t.is(disk.poked.length, length)
  t.is(disk.poked.at(-1), 'brightness 1')
})

test('work in progress blinks slowly, and no problem could be taken for it', t => {
  const beats = (sign: Parameters<typeof patternOf>[0]): number =>
    patternOf(sign)?.filter(({ isOn }) => isOn).length ?? 0
  t.is(beats('working'), 1)
  t.true(patternOf('working')?.every(({ ms }) => ms >= 800))
  for (const blinks of Object.values(blinksOf)) t.true(beats({ blinks }) >= 2)
})

test('a board without an LED shows nothing', async t => {
  const [disk, clock] = [new CrashDisk(), new FakeClock()]
  const led = new Led({ disk, clock, names: ['ACT'] })
  await led.show('working')
  await clock.advance(5000)
  t.deepEqual(disk.poked, [])
})

test('it is told on the first screen and on each serial line that the kernel uses, once each', async t => {
  const at = async (active: string): Promise<string[]> =>
    findConsoles(new CrashDisk({ '/sys/class/tty/console/active': active }))
  t.deepEqual(await at('tty0 ttyAMA10\n'), ['/dev/tty1', '/dev/ttyAMA10'])
  t.deepEqual(await at('tty1\n'), ['/dev/tty1'])
  t.deepEqual(await findConsoles(new CrashDisk()), ['/dev/tty1'])
})
