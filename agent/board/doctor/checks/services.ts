/** The units of systemd that a node lives by, and those that would fight with it. */
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'

const ours = ['flotilla-agent.service', 'flotilla-master.service', 'flotilla-first-boot.service']
/** Each has rules, routes and pods of its own, and takes ours for leftovers. */
const rivals = ['kubelet.service', 'k3s.service', 'k3s-agent.service', 'snap.microk8s.daemon-kubelite.service']

interface Facts {
  /** Unit → systemd's word for its state; undefined where systemd is not in charge. */
  states: Map<string, string> | undefined
}

export const servicesCheck = defineCheck('services', observe, judge)

async function observe({ run }: BoardView): Promise<Facts> {
  const units = [...ours, ...rivals]
  // Ends with a status of its own unless all are active; one line each, in order.
  const { status, stdout } = await run(['systemctl', 'is-active', ...units])
  const lines = stdout.trim().split('\n')
  if (status === undefined || lines.length !== units.length) return { states: undefined }
  return { states: new Map(units.map((unit, index) => [unit, lines[index] ?? ''])) }
}

function judge({ states }: Facts): Finding {
  if (!states)
    return {
      ...{ level: 'warning', found: 'systemd is not in charge', why: 'somebody must start the agent with the board' },
      fix: 'start "flotilla agent" by what starts services here',
    }
  const failed = ours.filter(unit => states.get(unit) === 'failed')
  if (failed.length > 0)
    return {
      ...{ level: 'warning', found: `failed: ${failed.join(', ')}`, why: 'it ended, and systemd has given up' },
      fix: `journalctl -u ${failed[0]} -n 50`,
    }
  const running = rivals.filter(unit => states.get(unit) === 'active')
  if (running.length > 0)
    return {
      ...{
        level: 'warning',
        found: `${running.join(', ')} runs here`,
        why: 'two clusters on one board undo each other’s rules',
      },
      fix: `systemctl disable --now ${running[0]}, if this board is to be a node of Flotilla alone`,
    }
  const active = ours.filter(unit => states.get(unit) === 'active')
  return ok(active.length > 0 ? `${active.join(', ')} active` : 'none failed')
}
