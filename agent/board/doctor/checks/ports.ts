/** Whether somebody else listens where Services of the cluster are to be reached. */
import { defineCheck, ok } from '../check.ts'

/** Kubernetes' own range of node ports. */
const nodePorts = { first: 30_000, last: 32_767 }
/** State of a listener (include/net/tcp_states.h). */
const listening = '0A'
const shownPorts = 5

export const portsCheck = defineCheck<number[]>(
  'ports',
  async view => {
    const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(path => view.read(path)))
    return tables.flatMap(table => parseListeners(table ?? ''))
  },
  listeners => {
    const taken = [...new Set(listeners)].filter(port => port >= nodePorts.first && port <= nodePorts.last)
    if (taken.length === 0) return ok(`${nodePorts.first}–${nodePorts.last} are free`)
    const shown = taken.sort((a, b) => a - b).slice(0, shownPorts)
    return {
      level: 'warning',
      found: `somebody listens on ${shown.join(', ')}${taken.length > shownPorts ? ' and others' : ''}`,
      why: 'a Service that gets such a node port takes its connections away',
      fix: `ss -ltnp tells who it is: give it a port outside of ${nodePorts.first}–${nodePorts.last}`,
    }
  },
)

/** proc_net_tcp: `sl local_address rem_address st …`, addresses as HEX:HEXPORT. */
function parseListeners(table: string): number[] {
  return table
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === listening)
    .map(([, local = '']) => Number.parseInt(local.split(':').at(-1) ?? '', 16))
}
