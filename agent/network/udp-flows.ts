/**
 * Ends UDP flows that still go to an endpoint which a service no longer has. The kernel asks the rules only for the first packet
 * of a flow; a UDP client that never pauses would talk to a dead pod for ever. (TCP notices by itself.)
 */
import { hasCode } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { RunCommand } from './command.ts'

/** What a flow was sent to, and where it goes. */
export interface UdpFlow {
  service: string
  servicePort: number
  endpoint: string
  endpointPort: number
}

/** One run of `conntrack -D` each; the kernel forgets those beyond by itself after 120 s of silence. */
const maxDeletions = 500

/** `stale` tells which flows are to end; it is asked once per service address and endpoint. */
export async function endUdpFlows(run: RunCommand, stale: (flow: UdpFlow) => boolean): Promise<number> {
  const listed = await run(['conntrack', '-L', '-p', 'udp', '--dst-nat'], { allowed: [0, 1] })
  const flows = parseFlows(listed).filter(stale).slice(0, maxDeletions)
  for (const flow of flows) await run(renderDeletion(flow), { allowed: [0, 1] })
  return flows.length
}

/** Wraps `endUdpFlows` so that a board without the tool goes on without it, and says so once. */
export function createUdpFlowEnder(run: RunCommand, log: Log): (stale: (flow: UdpFlow) => boolean) => Promise<void> {
  let missing = false
  return async stale => {
    if (missing) return
    try {
      await endUdpFlows(run, stale)
    } catch (error) {
      missing = hasCode(error, 'NotFound')
      const hint = missing ? 'install the package conntrack' : undefined
      log.warn('cannot end UDP flows to endpoints that are gone', { error, hint })
    }
  }
}

/** Lines of `conntrack -L`: the addresses as sent first, those of the expected answer after them. */
export function parseFlows(listed: string): UdpFlow[] {
  const flows = new Map<string, UdpFlow>()
  for (const line of listed.split('\n')) {
    const service = fieldsOf(line, 'dst')[0]
    const servicePort = fieldsOf(line, 'dport')[0]
    const endpoint = fieldsOf(line, 'src')[1]
    const endpointPort = fieldsOf(line, 'sport')[1]
    if (!service || !servicePort || !endpoint || !endpointPort) continue
    const flow = { service, servicePort: Number(servicePort), endpoint, endpointPort: Number(endpointPort) }
    flows.set(Object.values(flow).join(' '), flow)
  }
  return [...flows.values()]
}

function fieldsOf(line: string, name: string): string[] {
  return [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map(match => match[1] ?? '')
}

function renderDeletion(flow: UdpFlow): string[] {
  const sentTo = ['--orig-dst', flow.service, '--orig-port-dst', `${flow.servicePort}`]
  const answeredBy = ['--reply-src', flow.endpoint, '--reply-port-src', `${flow.endpointPort}`]
  return ['conntrack', '-D', '-p', 'udp', ...sentTo, ...answeredBy]
}
