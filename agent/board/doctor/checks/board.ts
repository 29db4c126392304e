/** The processor and the kernel: what programs are made for. */
import { boardModel } from '../../board-model.ts'
import { defineCheck, ok } from '../check.ts'

/** Ours are Debian's: bookworm has 6.1. cgroup v2 is whole, and nftables has what our rules use, since this one. */
const oldest = { major: 5, minor: 10 }

export const boardCheck = defineCheck(
  'board',
  async view => ({
    architecture: view.architecture,
    kernel: view.kernel,
    uptimeSeconds: view.uptimeSeconds(),
    model: await boardModel(view),
  }),
  ({ architecture, kernel, uptimeSeconds, model }) => {
    const found = [model, architecture, `Linux ${kernel}`, `up ${spoken(uptimeSeconds)}`].filter(Boolean).join(', ')
    const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number)
    if (!['x64', 'arm64', 'arm'].includes(architecture))
      return { level: 'failure', found, why: 'there is no Flotilla for this processor', fix: 'use a 64-bit system' }
    if (major < oldest.major || (major === oldest.major && minor < oldest.minor))
      return {
        level: 'failure',
        found,
        why: `the kernel is older than ${oldest.major}.${oldest.minor}: limits and Services need what it lacks`,
        fix: 'apt full-upgrade, or a newer release of the system',
      }
    if (architecture === 'arm')
      return {
        level: 'warning',
        found,
        why: 'most container images have no 32-bit variant',
        fix: 'use the 64-bit system, if the board can (Pi 3 and newer)',
      }
    return ok(found)
  },
)

function spoken(seconds: number): string {
  const [minutes, hours] = [Math.round(seconds / 60), Math.round(seconds / 3600)]
  if (hours >= 48) return `${Math.round(hours / 24)} days`
  return minutes >= 120 ? `${hours} h` : `${minutes} min`
}
