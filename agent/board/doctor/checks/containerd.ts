/** containerd: there, new enough, running, and with the interface that the agent speaks. */
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'
import { installCommand, installRepairs } from '../install.ts'

const socket = '/run/containerd/containerd.sock'
const oldest = { major: 1, minor: 6 }
/** Docker's own package of containerd ships it so (`disabled_plugins = ["cri"]`). */
const disabledCri = /^\s*disabled_plugins\s*=\s*\[[^\]]*"(?:io\.containerd\.grpc\.v1\.)?cri"/m
const ourConfig = '/etc/containerd/flotilla.toml'
const dropIn = '/etc/systemd/system/containerd.service.d/60-flotilla.conf'

interface Facts {
  /** Undefined: not installed. */
  version: string | undefined
  answers: boolean
  hasCri: boolean
  isRoot: boolean
}

export const containerdCheck = defineCheck('containerd', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const { status, stdout } = await view.run(['containerd', '--version'])
  const usesOurs = (await view.read(dropIn)) !== undefined
  const config = (await view.read(usesOurs ? ourConfig : '/etc/containerd/config.toml')) ?? ''
  return {
    version: status === 0 ? /\bv?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined,
    answers: await view.answers(socket),
    hasCri: !disabledCri.test(config),
    isRoot: view.isRoot,
  }
}

function judge({ version, answers, hasCri, isRoot }: Facts): Finding {
  const runsPods = 'it runs the containers of all pods'
  const install = { fix: installCommand(['containerd']), repairs: installRepairs(['containerd']) }
  if (version === undefined) return { level: 'failure', found: 'not installed', why: runsPods, ...install }
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < oldest.major || (major === oldest.major && minor < oldest.minor))
    return { level: 'failure', found: version, why: `it must be ${oldest.major}.${oldest.minor} or newer`, ...install }
  if (!hasCri)
    return {
      level: 'failure',
      found: `${version}, with its CRI plugin switched off`,
      why: 'the agent speaks CRI; Docker packages switch it off',
      fix: "flotilla doctor --fix gives it Flotilla's own configuration; or take cri off disabled_plugins in /etc/containerd/config.toml",
    }
  if (answers) return ok(`${version}, running`)
  if (!isRoot)
    return {
      level: 'warning',
      found: `${version}; whether it answers is for root to see`,
      why: runsPods,
      fix: 'use sudo',
    }
  const start = ['systemctl', 'enable', '--now', 'containerd']
  return {
    ...{ level: 'failure', found: `${version}, but it does not answer at ${socket}`, why: runsPods },
    ...{ fix: start.join(' '), repairs: [{ do: 'run', argv: start }] },
  }
}
