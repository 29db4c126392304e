/** Which disk a file is on, so that flash does not write an image over itself. */
import { stat } from 'node:fs/promises'
import { runTool } from './run-tool.ts'

/** `8:2`, the block device below the file; undefined where there is none (a network, memory). */
export async function deviceOf(path: string): Promise<string | undefined> {
  const device = formatDevice((await stat(path, { bigint: true })).dev)
  // btrfs and overlay have numbers of no device: what they are mounted from is asked.
  if (!device.startsWith('0:')) return device
  const source = await runTool(['findmnt', '--noheadings', '--output', 'SOURCE', '--target', path]).catch(() => '')
  const disk = source.trim().replace(/\[.*\]$/, '')
  if (!disk.startsWith('/dev/')) return undefined
  return stat(disk, { bigint: true }).then(
    ({ rdev }) => formatDevice(rdev),
    // Named in a mount table that is not of this root: nothing to compare with.
    () => undefined,
  )
}

/** As glibc splits it (gnu_dev_major and gnu_dev_minor): twelve bits and twenty, each in two places. */
function formatDevice(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  return `${major}:${minor}`
}
