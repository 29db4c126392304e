/** The ends of a machine's logs, for errors. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Machine } from './layout.ts'

const tailLines = 12

export async function tailOf(machine: Machine): Promise<string> {
  const files = (await readdir(machine.dir)).filter(name => name.endsWith('.log')).sort()
  const tails = files.map(async name => {
    const lines = (await readFile(join(machine.dir, name), 'utf8')).trimEnd().split('\n').slice(-tailLines)
    return `--- ${join(machine.dir, name)}\n${lines.join('\n')}`
  })
  return (await Promise.all(tails)).join('\n')
}
