/** Whether what the board's profile asks for is applied: files of our own name, and words of the boot settings. */
import { amendBoot } from '../../../../firmware-config/amend-boot.ts'
import { findProfile } from '../../../../firmware-config/load-profile.ts'
import type { RenderedFile } from '../../../../firmware-config/profile.ts'
import { renderRoot } from '../../../../firmware-config/render-root.ts'
import { boardModel } from '../../board-model.ts'
import type { BoardView } from '../board-view.ts'
import { readBoot } from '../boot-files.ts'
import { defineCheck, type Finding, ok, type Repair } from '../check.ts'

interface Facts {
  title: string
  missing: RenderedFile[]
  /** There, and another: an older version's, or changed by the owner. */
  different: RenderedFile[]
  /** With the path on this board. */
  boot: RenderedFile[]
}

const shownFiles = 3
/** A drop-in of it names another configuration. */
const containerdUnit = '/etc/systemd/system/containerd.service.d/'
/** Units start /usr/bin/flotilla: they are of no use where the program lies elsewhere. */
const needsProgram = /\/(systemd\/system\/flotilla-|sysusers\.d\/)/

export const settingsCheck = defineCheck('settings', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const model = await boardModel(view)
  const profile = findProfile(view.assets, model, view.architecture)
  const hasProgram = (await view.list('/usr/bin')).includes('flotilla')
  const wanted = renderRoot(view.assets, profile, 'board').filter(({ path }) => hasProgram || !needsProgram.test(path))
  const there = await Promise.all(wanted.map(({ path }) => view.read(path)))
  const boot = await readBoot(view)
  const amended = boot ? amendBoot(view.assets, profile, { read: boot.read }) : []
  return {
    title: profile.title,
    missing: wanted.filter((_, index) => there[index] === undefined),
    different: wanted.filter(({ content }, index) => there[index] !== undefined && there[index] !== content),
    boot: amended.map(file => ({ ...file, path: `${boot?.mount}/${file.path}` })),
  }
}

function judge({ title, missing, different, boot }: Facts): Finding {
  const open = [...missing, ...boot]
  if (open.length === 0) {
    const changed = different.length > 0 ? `; ${different.length} of them changed by you or an older version` : ''
    return ok(`those of ${title} are applied${changed}`)
  }
  const names = open.map(({ path }) => path)
  const more = names.length > shownFiles ? ` and ${names.length - shownFiles} more` : ''
  const hint = names.some(path => path.startsWith(containerdUnit)) ? '; containerd then reads ours and not yours' : ''
  const writes = open.map(({ path, content, mode }): Repair => ({ do: 'write', path, content, mode }))
  return {
    level: 'warning',
    found: `not applied: ${names.slice(0, shownFiles).join(', ')}${more}`,
    why: `a node lives better with them (${title}): watchdog, memory limits, a card that lasts`,
    fix: `flotilla doctor --fix; it lists each file first; all lie beside your own${hint}`,
    repairs: [...writes, ...(boot.length > 0 ? [{ do: 'restart' } as const] : [])],
  }
}
