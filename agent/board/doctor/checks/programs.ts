/** The programs that the agent starts or that containerd starts for it. */
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'
import { installCommand, installRepairs } from '../install.ts'

/** Any of the argument lists: `--version` where there is one, and what costs nothing else. */
const programs: Array<{ name: string; argv: string[]; package: string }> = [
  { name: 'runc', argv: ['runc', '--version'], package: 'runc' },
  { name: 'nft', argv: ['nft', '--version'], package: 'nftables' },
  { name: 'conntrack', argv: ['conntrack', '--version'], package: 'conntrack' },
  { name: 'ip', argv: ['ip', '-V'], package: 'iproute2' },
  { name: 'sysctl', argv: ['sysctl', '--version'], package: 'procps' },
]
/** Debian's place, and that of everybody else. */
const cniDirectories = ['/usr/lib/cni', '/opt/cni/bin']
/** The agent asks for the first two, containerd itself for the last. */
const cniPlugins = ['ptp', 'host-local', 'loopback']

interface Facts {
  missing: Array<{ name: string; package: string }>
}

export const programsCheck = defineCheck('programs', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const tried = await Promise.all(programs.map(async program => ({ program, ended: await view.run(program.argv) })))
  const missing = tried.filter(({ ended }) => ended.status === undefined).map(({ program }) => program)
  const plugins = (await Promise.all(cniDirectories.map(path => view.list(path)))).flat()
  const lacking = cniPlugins.filter(name => !plugins.includes(name))
  const networking = lacking.map(name => ({ name: `CNI plugin ${name}`, package: 'containernetworking-plugins' }))
  return { missing: [...missing, ...networking] }
}

function judge({ missing }: Facts): Finding {
  if (missing.length === 0) return ok([...programs.map(({ name }) => name), 'CNI plugins'].join(', '))
  const packages = [...new Set(missing.map(({ package: name }) => name))]
  return {
    level: 'failure',
    found: `missing: ${missing.map(({ name }) => name).join(', ')}`,
    why: 'pods or Services cannot be set up without',
    fix: installCommand(packages),
    repairs: installRepairs(packages),
  }
}
