/** The host's name, which becomes the node's: one that may be, and that no other board has. */
import { checkNodeName } from '../../../../contract/wire/identity.ts'
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'

/** What systems call themselves before anybody names them. */
const unnamed = ['localhost', 'raspberrypi', 'debian', 'ubuntu']

interface Facts {
  name: string
  /** Of others who have it, as far as the LAN says. */
  elsewhere: string[]
}

export const nameCheck = defineCheck('name', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const name = view.hostname.toLowerCase().split('.')[0] ?? ''
  // Only where the system resolves .local at all.
  const { status, stdout } = await view.run(['getent', 'ahostsv4', `${name}.local`], { deadlineMs: 5000 })
  const own = new Set([...view.ownAddresses(), '127.0.0.1', '127.0.1.1'])
  const found = status === 0 ? [...new Set(stdout.split('\n').flatMap(line => line.split(/\s+/)[0] || []))] : []
  return { name, elsewhere: found.filter(address => !own.has(address)) }
}

function judge({ name, elsewhere }: Facts): Finding {
  const problem = checkNodeName(name)
  const fix = 'hostnamectl set-hostname NAME, or flotilla join --name NAME'
  if (problem !== undefined) return { level: 'failure', found: `"${name}"`, why: `the name of a node ${problem}`, fix }
  if (elsewhere.length > 0)
    return {
      level: 'warning',
      found: `${name}, as is ${elsewhere.join(', ')}`,
      why: 'two boards of one name: the second is refused',
      fix,
    }
  if (unnamed.includes(name))
    return {
      level: 'warning',
      found: name,
      why: 'as every new system is called: a second board of that name is refused',
      fix,
    }
  return ok(name)
}
