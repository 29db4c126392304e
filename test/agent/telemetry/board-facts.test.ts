/** What the board says of itself, compared with what other programs say of this machine. */
import { execFile } from 'node:child_process'
import { arch, cpus, hostname, networkInterfaces, release } from 'node:os'
import { promisify } from 'node:util'
import test from 'ava'
import { findOwnAddress } from '../../../agent/telemetry/address.ts'
import { imageArchitecture, readInventory } from '../../../agent/telemetry/inventory.ts'
import { isSystemStopping } from '../../../agent/telemetry/shutdown.ts'

for (const [node, image] of [
  ['x64', 'amd64'],
  ['arm64', 'arm64'],
  ['arm', 'arm'],
  ['ia32', '386'],
  ['riscv64', 'riscv64'],
] as const) {
  test(`an image for Node's ${node} is one for ${image}`, t => t.is(imageArchitecture(node), image))
}

test('the inventory is that of this machine', async t => {
  const { hostname: name, cores, info } = await readInventory()
  t.is(name, hostname())
  t.is(cores, cpus().length)
  t.like(info, { architecture: imageArchitecture(arch()), operatingSystem: 'linux', kernelVersion: release() })
  const { stdout } = await promisify(execFile)('cat', ['/proc/sys/kernel/random/boot_id'])
  t.is(info.bootID, stdout.trim())
  t.not(info.osImage, '')
})

test('the own address is never one that other boards cannot reach', async t => {
  const lan = Object.values(networkInterfaces()).flatMap((list = []) => list.filter(({ internal }) => !internal))
  const unresolvable = 'x'.repeat(70)
  for (const master of ['127.0.0.1', 'localhost', unresolvable]) {
    const address = await findOwnAddress(master)
    t.true(address === undefined ? lan.length === 0 : lan.some(one => one.address === address), `${address}`)
  }
})

test('a machine that runs is not about to stop', async t => {
  t.false(await isSystemStopping())
})
