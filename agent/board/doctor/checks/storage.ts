/** Where images and containers are kept: writable, of a kind that can hold them, with room, on a card that is not worn out. */
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'

const places = ['/var/lib/containerd', '/var/lib', '/']
const gibibyte = 1024 ** 3
const leastBytes = gibibyte / 2
const fairBytes = 2 * gibibyte
/** Layers are overlays: these cannot carry them, or lose them. */
const unfit = /^(overlay|nfs4?|cifs|vfat|exfat|ntfs3?|fuseblk|squashfs|9p)$/
/** JEDEC eMMC 5.0, EXT_CSD 268: tenths of its life, in steps; 0x0B is past its end. */
const wornFrom = 9

interface Facts {
  mount: Mount | undefined
  freeBytes: number
  totalBytes: number
  /** Of each card that tells. */
  wear: number[]
}

interface Mount {
  path: string
  type: string
  isReadOnly: boolean
}

export const storageCheck = defineCheck('disk', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const found = await firstPlace(view)
  const mounts = parseMounts((await view.read('/proc/self/mounts')) ?? '')
  const holding = mounts.filter(({ path }) => path === '/' || `${found.place}/`.startsWith(`${path}/`))
  const cards = (await view.list('/sys/block')).filter(name => /^mmcblk\d+$/.test(name))
  const lives = await Promise.all(cards.map(name => view.read(`/sys/block/${name}/device/life_time`)))
  const wear = lives.flatMap(text => (text ?? '').trim().split(/\s+/).filter(Boolean).map(Number))
  return { ...found, mount: holding.sort((a, b) => b.path.length - a.path.length)[0], wear }
}

function judge({ mount, freeBytes, totalBytes, wear }: Facts): Finding {
  const found = `${gib(freeBytes)} of ${gib(totalBytes)} free, ${mount?.type ?? 'unknown'} at ${mount?.path ?? '?'}`
  const failed = (why: string, fix: string): Finding => ({ level: 'failure', found, why, fix })
  if (mount?.isReadOnly)
    return failed('nothing can be written: no image, no container', 'look for errors of the card: dmesg | grep -i mmc')
  if (mount && unfit.test(mount.type))
    return failed(
      `containers' layers cannot lie on ${mount.type}`,
      'mount an ext4 at /var/lib/containerd; on Raspberry Pi OS, switch the overlay off: raspi-config nonint disable_overlayfs',
    )
  if (freeBytes < leastBytes)
    return failed('there is no room for images', 'apt-get clean; journalctl --vacuum-size=50M; a larger card')
  if (wear.some(tenths => tenths >= wornFrom))
    return {
      level: 'warning',
      found,
      why: 'the card says that its life is nearly over',
      fix: 'copy it to a new one soon',
    }
  if (freeBytes < fairBytes)
    return { level: 'warning', found, why: 'a few images fill it', fix: 'apt-get clean, or a larger card' }
  return ok(found)
}

async function firstPlace(view: BoardView): Promise<{ place: string; freeBytes: number; totalBytes: number }> {
  for (const place of places) {
    const space = await view.space(place)
    if (space) return { place, ...space }
  }
  return { place: '/', freeBytes: 0, totalBytes: 0 }
}

/** fstab(5)'s fields: device, path (spaces as \040), type, options. */
function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .map(line => line.split(' '))
    .filter(fields => fields.length >= 4)
    .map(([, path = '', type = '', options = '']) => ({ path, type, isReadOnly: options.split(',').includes('ro') }))
}

function gib(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GiB`
}
