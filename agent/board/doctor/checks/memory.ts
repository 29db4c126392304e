/** How much memory there is, and where the kernel puts what does not fit. */
import { defineCheck, ok } from '../check.ts'

const leastBytes = 400 * 1024 ** 2

interface Facts {
  totalBytes: number
  /** Swap areas: device or file. */
  swaps: string[]
}

export const memoryCheck = defineCheck<Facts>(
  'memory',
  async view => {
    const meminfo = (await view.read('/proc/meminfo')) ?? ''
    // The first line is a heading (proc(5)).
    const swaps = ((await view.read('/proc/swaps')) ?? '').trim().split('\n').slice(1)
    return {
      totalBytes: Number(/^MemTotal:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024,
      swaps: swaps.map(line => line.split(/\s+/)[0] ?? ''),
    }
  },
  ({ totalBytes, swaps }) => {
    const onCard = swaps.filter(path => !/^\/dev\/zram/.test(path))
    const zram = swaps.length > onCard.length ? ', zram' : ''
    const found = `${Math.round(totalBytes / 1024 ** 2)} MiB${zram}${onCard.map(path => `, swap on ${path}`).join('')}`
    if (totalBytes < leastBytes)
      return {
        ...{ level: 'warning', found, why: 'little is left for pods' },
        fix: 'switch off what is not needed, such as the desktop: systemctl set-default multi-user.target',
      }
    if (onCard.length > 0)
      return {
        ...{ level: 'warning', found, why: 'a board that swaps is slow, and its card wears out' },
        fix: 'swap to memory instead: apt-get install zram-tools, and swapoff the other (on Raspberry Pi OS: dphys-swapfile uninstall)',
      }
    return ok(found)
  },
)
