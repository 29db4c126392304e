/** Whose writes they were: bytes written to a card, by partition and file. */
import { execFileSync } from 'node:child_process'
import { readPartitions } from './boot-files.ts'
import type { LogEntry } from './write-log.ts'

interface Partition {
  number: number
  start: number
  size: number
  isExt4: boolean
}

const blockBytes = 4096
/** debugfs takes them as words of one line. */
const blocksAtOnce = 500

/** Largest first: `data: /lib/flotilla/wish.json`, `data: journal`, `boot`. */
export function bytesByFile(card: string, entries: LogEntry[]): Array<{ file: string; bytes: number; writes: number }> {
  const partitions: Partition[] = readPartitions(card).map(({ start, length, type }, index) => {
    return { number: index + 1, start, size: length, isExt4: type === '83' }
  })
  const totals = new Map<string, { bytes: number; writes: number }>()
  const count = (file: string, bytes: number): void => {
    const total = totals.get(file) ?? { bytes: 0, writes: 0 }
    totals.set(file, { bytes: total.bytes + bytes, writes: total.writes + 1 })
  }
  const blocks = new Map<Partition, number[]>()
  for (const entry of entries) {
    if (entry.type !== 'write') continue
    const { offset, length } = entry
    const partition = partitions.find(({ start, size }) => offset >= start && offset < start + size)
    if (!partition?.isExt4) count(partition ? `partition ${partition.number}` : 'partition table', length)
    else {
      const first = Math.floor((offset - partition.start) / blockBytes)
      const numbers = Array.from({ length: Math.ceil(length / blockBytes) }, (_, index) => first + index)
      blocks.set(partition, [...(blocks.get(partition) ?? []), ...numbers])
    }
  }
  for (const [partition, numbers] of blocks) {
    const names = namesOf(card, partition, [...new Set(numbers)])
    for (const number of numbers) count(`partition ${partition.number}: ${names.get(number) ?? 'metadata'}`, blockBytes)
  }
  return [...totals].map(([file, total]) => ({ file, ...total })).sort((left, right) => right.bytes - left.bytes)
}

function namesOf(card: string, { start }: Partition, blocks: number[]): Map<number, string> {
  const names = new Map<number, string>()
  for (let at = 0; at < blocks.length; at += blocksAtOnce) {
    const some = blocks.slice(at, at + blocksAtOnce)
    const inodes = pairs(ask(`icheck ${some.join(' ')}`, { card, start }))
    const known = [...new Set(inodes.values())].filter(inode => inode !== '8')
    const paths =
      known.length === 0 ? new Map<string, string>() : pairs(ask(`ncheck ${known.join(' ')}`, { card, start }))
    for (const block of some) {
      const inode = inodes.get(String(block))
      if (inode !== undefined)
        names.set(block, inode === '8' ? 'journal' : (paths.get(inode) ?? `a file that is gone (inode ${inode})`))
    }
  }
  return names
}

function ask(request: string, { card, start }: { card: string; start: number }): string {
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
  return execFileSync('debugfs', ['-R', request, `${card}?offset=${start}`], { encoding: 'utf8', stdio })
}

/** debugfs answers in two columns below a heading. */
function pairs(text: string): Map<string, string> {
  const lines = text.split('\n').map(line => /^(\d+)\t(.+)$/.exec(line))
  return new Map(lines.flatMap(match => (match && !match[2]!.startsWith('<') ? [[match[1]!, match[2]!]] : [])))
}
