/** Makes the board the node that its card names. */
import type { JoinTicket } from '../../../../contract/wire/join.ts'
import { sleep } from '../../../../kit/clock.ts'
import type { BootContext, Step } from '../context.ts'
import { FirstBootProblem, joinProblem } from '../problem.ts'

const patienceMs = 15_000
const lookEveryMs = 500

export const joinStep: Step = {
  name: 'join',
  title: 'joining the cluster',
  async run(context) {
    const { joining, settings } = context
    if ((await joining.joinedAs()) === settings.hostname) return
    const ticket = await findTicket(context)
    await untilAddressed(context)
    try {
      await joining.join(ticket, settings.hostname)
    } catch (error) {
      const facts = { addresses: ticket.addresses, ownAddresses: context.ownAddresses(), linked: await linked(context) }
      throw new FirstBootProblem(joinProblem(error, facts), error)
    }
  },
}

/** DHCP takes a few seconds: no reason to tell of trouble yet. Also without a network it goes on, and then tells of it. */
async function untilAddressed({ ownAddresses, clock, signal }: BootContext): Promise<void> {
  const untilMs = clock.monotonic() + patienceMs
  while (ownAddresses().length === 0 && clock.monotonic() < untilMs) await sleep(clock, lookEveryMs, signal)
}

async function findTicket({ card, joining, settings: { role, hostname } }: BootContext): Promise<JoinTicket> {
  const ticket = await card.ticket()
  if (ticket) return ticket
  if (role === 'master') return joining.ownTicket(hostname)
  const why = `there is no join line on this card (flotilla/join); it works once. Flash the card again, or make a line:`
  const text = `token missing: ${why} flotilla token create --node ${hostname}`
  throw new FirstBootProblem({ kind: 'token', text, isFinal: true })
}

/** Interfaces whose cable or wifi is connected (sysfs-class-net: `carrier`). */
async function linked({ disk }: BootContext): Promise<string[]> {
  const names = (await disk.list('/sys/class/net')).filter(name => /^(e|w)/.test(name))
  const carriers = await Promise.all(names.map(name => disk.read(`/sys/class/net/${name}/carrier`)))
  return names.filter((_, index) => carriers[index]?.trim() === '1')
}
