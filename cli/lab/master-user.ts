/** The user that a lab's master runs as: one that nobody on this machine is, and the files that are its own. */
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Layout, Machine } from './layout.ts'
import { run } from './run.ts'

/** systemd's range for users that come and go (DynamicUser): no distribution gives them to anybody. */
const [first, count] = [61_184, 4336]

/** The same at each start: the master's files are his. */
export function masterUid(layout: Pick<Layout, 'hash'>, taken = readTaken()): number {
  const start = Number.parseInt(layout.hash, 16) % count
  const offsets = Array.from({ length: count }, (_, index) => (start + index) % count)
  return first + (offsets.find(offset => !taken.has(first + offset)) ?? start)
}

/** Also of a lab from before the master had a user of its own. */
export async function makeMasterDisk(layout: Layout, machine: Machine): Promise<void> {
  const owner = `${masterUid(layout)}:${masterUid(layout)}`
  const data = join(machine.dir, 'data')
  await mkdir(data, { recursive: true, mode: 0o700 })
  await mkdir(dirname(layout.masterSocket), { recursive: true, mode: 0o755 })
  await run(['chmod', '0700', data])
  await run(['chown', '--recursive', '--no-dereference', owner, data, dirname(layout.masterSocket)])
}

function readTaken(): ReadonlySet<number> {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
  return new Set(lines.map(line => Number(line.split(':')[2])))
}
