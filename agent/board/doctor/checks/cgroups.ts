/** Whether limits of memory, CPU and processes work: by what the kernel offers, since /proc/cgroups names what is switched off as well. */
import { amendBoot } from '../../../../firmware-config/amend-boot.ts'
import { findProfile } from '../../../../firmware-config/load-profile.ts'
import { boardModel } from '../../board-model.ts'
import type { BoardView } from '../board-view.ts'
import { readBoot } from '../boot-files.ts'
import { defineCheck, type Finding, ok, type Repair } from '../check.ts'

const needed = ['cpu', 'memory', 'pids']
const root = '/sys/fs/cgroup'
const word = 'cgroup_enable=memory'

interface Facts {
  /** Undefined: the hierarchy is not cgroup v2's. */
  controllers: string[] | undefined
  /** Of cgroup v1. */
  hierarchies: string[]
  repairs: Repair[]
  /** The boot settings have the word that switches it on, and this start was without it. */
  isForNextStart: boolean
}

export const cgroupsCheck = defineCheck('limits', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const text = await view.read(`${root}/cgroup.controllers`)
  const controllers = text?.trim().split(/\s+/)
  const hierarchies = await view.list(root)
  const lacks = needed.some(name => !(controllers ?? hierarchies).includes(name))
  const words = lacks ? await bootWords(view) : undefined
  const isForNextStart = words?.length === 0 && !((await view.read('/proc/cmdline')) ?? '').includes(word)
  return { controllers, hierarchies, repairs: words ?? [], isForNextStart }
}

function judge({ controllers, hierarchies, repairs, isForNextStart }: Facts): Finding {
  const missing = needed.filter(name => !(controllers ?? hierarchies).includes(name))
  if (missing.length === 0 && controllers) return ok(`cgroup v2 with ${needed.join(', ')}`)
  if (missing.length === 0)
    return {
      level: 'warning',
      found: `cgroup v1 with ${needed.join(', ')}`,
      why: 'containerd and systemd are about to drop it',
      fix: 'take systemd.unified_cgroup_hierarchy=0 off the kernel command line',
    }
  const why = 'a pod could take the whole board; pods with such limits do not start'
  const found = `no control of ${missing.join(', ')}`
  if (missing.includes('memory') && repairs.length > 0)
    return { level: 'failure', found, why, fix: `add ${word} to cmdline.txt, then restart`, repairs }
  if (missing.includes('memory') && isForNextStart)
    return {
      level: 'failure',
      found,
      why,
      fix: `restart this board: its cmdline.txt has ${word}, from the next start on`,
    }
  return { level: 'failure', found, why, fix: `a kernel with ${missing.map(name => `the ${name} cgroup`).join(', ')}` }
}

/** The Raspberry Pi's firmware switches the memory cgroup off in the device tree; a word of the command line switches it on. Undefined elsewhere. */
async function bootWords(view: BoardView): Promise<Repair[] | undefined> {
  const model = await boardModel(view)
  const profile = findProfile(view.assets, model, view.architecture)
  if (profile.firmware !== 'raspberry-pi') return undefined
  const boot = await readBoot(view)
  if (!boot) return undefined
  const files = amendBoot(view.assets, profile, { read: boot.read }).filter(({ path }) => path.endsWith('cmdline.txt'))
  const writes = files.map(({ path, content, mode }) => ({
    ...{ do: 'write' as const, path: `${boot.mount}/${path}`, content, mode },
  }))
  return writes.length > 0 ? [...writes, { do: 'restart' }] : []
}
