/** What is wrong with a card that was switched off properly, by the tools that check file systems: nothing, it is hoped. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { readPartitions } from './boot-files.ts'

const mebibyte = 2 ** 20

export function findFaults(card: string): string[] {
  const partitions = readPartitions(card)
  const [boot, , , data] = partitions
  if (!boot || !data) return [`it has ${partitions.length} partitions`]
  return [
    ...checkCopy(card, boot),
    // All of it, though it says that it is clean, and without touching it.
    ...failure('the data', ['e2fsck', '-f', '-n', `${card}?offset=${data.start}`]),
  ]
}

/** fsck.vfat wants the file system alone. */
function checkCopy(card: string, { start, length }: { start: number; length: number }): string[] {
  const copy = `${card}.fat`
  try {
    const blocks = [`skip=${start / mebibyte}`, `count=${Math.ceil(length / mebibyte)}`]
    return [
      ...failure('a copy of the FAT', [
        'dd',
        `if=${card}`,
        `of=${copy}`,
        'bs=1M',
        'conv=sparse',
        'status=none',
        ...blocks,
      ]),
      ...failure('the FAT', ['fsck.vfat', '-n', copy]),
    ]
  } finally {
    rmSync(copy, { force: true })
  }
}

function failure(what: string, [program, ...words]: [string, ...string[]]): string[] {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', env })
  return status === 0 ? [] : [`${what}: ${program} ends with ${status}: ${`${stdout}${stderr}`.trim().slice(-1000)}`]
}
