import test from 'ava'
import { findProfile, loadProfile } from '../../firmware-config/load-profile.ts'
import { type BoardName, boardNames } from '../../firmware-config/profile.ts'
import { assets } from './assets.ts'

test('every board has a profile that can be read', t => {
  for (const name of boardNames) {
    const profile = loadProfile(assets, name)
    t.is(profile.name, name)
    t.true(profile.title.length > 5)
  }
})

test('a board that nobody knows is refused with the names that there are', t => {
  const error = t.throws(() => loadProfile(assets, 'rpi-9'), { code: 'NotFound' })
  t.regex(error.message, /"rpi-9".*rpi-zero-2w/)
  t.throws(() => loadProfile(assets, '../etc'), { code: 'NotFound' })
})

/** What boards write into /proc/device-tree/model. */
const models: Array<[model: string | undefined, architecture: string, profile: BoardName]> = [
  ['Raspberry Pi 3 Model B Plus Rev 1.3', 'arm64', 'rpi-3'],
  ['Raspberry Pi 3 Model A Plus Rev 1.0', 'arm64', 'rpi-3'],
  ['Raspberry Pi Compute Module 3 Plus Rev 1.0', 'arm64', 'rpi-3'],
  ['Raspberry Pi 4 Model B Rev 1.5', 'arm64', 'rpi-4'],
  ['Raspberry Pi 400 Rev 1.0', 'arm64', 'rpi-4'],
  ['Raspberry Pi Compute Module 4 Rev 1.1', 'arm64', 'rpi-4'],
  ['Raspberry Pi 5 Model B Rev 1.0', 'arm64', 'rpi-5'],
  ['Raspberry Pi 500 Rev 1.0', 'arm64', 'rpi-5'],
  ['Raspberry Pi Compute Module 5 Lite Rev 1.0', 'arm64', 'rpi-5'],
  ['Raspberry Pi Zero 2 W Rev 1.0', 'arm64', 'rpi-zero-2w'],
  ['Raspberry Pi Zero 2 Rev 1.0', 'arm64', 'rpi-zero-2w'],
  ['linux,dummy-virt', 'arm64', 'qemu-virt'],
  ['Radxa ROCK 5B', 'arm64', 'generic-arm64'],
  ['Raspberry Pi 4000 of some day', 'arm64', 'generic-arm64'],
  [undefined, 'arm64', 'generic-arm64'],
  [undefined, 'x64', 'generic-amd64'],
  ['Raspberry Pi 4 Model B', 'amd64', 'generic-amd64'],
]

for (const [model, architecture, profile] of models)
  test(`${model ?? 'no device tree'} on ${architecture} is ${profile}`, t => {
    t.is(findProfile(assets, model, architecture).name, profile)
  })

test('a board that no program is made for is refused', t => {
  const error = t.throws(() => findProfile(assets, 'Raspberry Pi Model B Rev 2', 'arm'), { code: 'NotFound' })
  t.regex(error.message, /because Flotilla has none for arm, only for arm64 and amd64/)
})
