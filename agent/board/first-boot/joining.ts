/** The first start's way into a cluster: by the card's line, or by one of the master on this very board. */
import { onBoard } from '../../../contract/card/card-places.ts'
import { parseTicket } from '../../../contract/wire/join.ts'
import type { Clock } from '../../../kit/clock.ts'
import type { Log } from '../../../kit/log.ts'
import type { Random } from '../../../kit/random.ts'
import { ownCommand } from '../../../kit/self.ts'
import { findMastersOnLan } from '../../identity/find-masters.ts'
import { loadIdentity } from '../../identity/identity.ts'
import { joinCluster } from '../../identity/join.ts'
import { type RunProgram, runOrFail } from '../run-program.ts'
import type { Joining } from './context.ts'
import { adminPath } from './steps/master.ts'

export interface JoiningParts {
  /** Default: the agent's usual one. */
  dataDirectory?: string
  run: RunProgram
  clock: Clock
  random: Random
  log: Log
  onProgress: (line: string) => void
}

/** The master of this board, wherever its network is. */
const ownServer = 'mqtts://127.0.0.1:8883'

export function joiningOf(parts: JoiningParts): Joining {
  const { dataDirectory = onBoard.data, run, clock, random, log, onProgress } = parts
  return {
    async joinedAs() {
      return (await loadIdentity({ dataDirectory, clock, log }))?.nodeName
    },
    async join(ticket, nodeName) {
      const findMasters = findMastersOnLan(clock)
      await joinCluster({ ticket, nodeName, dataDirectory, findMasters, clock, random, log, onProgress })
      const isOwn = ticket.addresses[0] === new URL(ownServer).host
      if (isOwn) await (await loadIdentity({ dataDirectory, clock, log }))?.foundAt(ownServer)
    },
    async ownTicket(nodeName) {
      const argv = [...ownCommand(), 'token', 'create', '--node', nodeName, '--config', adminPath]
      const ticket = parseTicket(await runOrFail(run, argv))
      return { ...ticket, addresses: [new URL(ownServer).host, ...ticket.addresses] }
    },
  }
}
