/** Walks the first packet of a flow through the rules that an NftModel holds, and tells what becomes of it. */
import { cidrContains } from '../../agent/network/cidr.ts'
import { readElements, type Table } from './nft-model.ts'

export interface Packet {
  /** From another machine or a pod (`wire`), or from a process of the board. */
  origin: 'wire' | 'board'
  from: string
  to: string
  protocol: 'tcp' | 'udp' | 'sctp'
  port: number
}

export interface TraceOptions {
  /** Addresses of the board itself. */
  local: string[]
  /** What `numgen random mod N` and `jhash … mod N` yield. */
  draw: (modulus: number) => number
}

export interface Trace {
  fate: 'delivered' | 'refused'
  to: string
  port: number
  /** True when it goes on with the board's own address. */
  masqueraded: boolean
  mark: number
  /** Chains it passed, in order. */
  path: string[]
}

type Verdict = 'accept' | 'refuse' | { goto: string } | undefined

interface Walk {
  table: Table
  packet: Packet
  options: TraceOptions
  trace: Trace
}

export function tracePacket(table: Table, packet: Packet, options: TraceOptions): Trace {
  const trace: Trace = { fate: 'delivered', to: packet.to, port: packet.port, masqueraded: false, mark: 0, path: [] }
  const walk = { table, packet, options, trace }
  runHook(walk, packet.origin === 'wire' ? 'prerouting' : 'output')
  const isLocal = options.local.includes(trace.to)
  if (isLocal) runHook(walk, 'input')
  else if (packet.origin === 'wire') runHook(walk, 'forward')
  if (trace.fate === 'delivered' && !isLocal) runHook(walk, 'postrouting')
  return trace
}

function runHook(walk: Walk, hook: string): void {
  const chains = [...walk.table.chains].filter(([, chain]) => chain.hook?.name === hook)
  chains.sort(([, a], [, b]) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0))
  for (const [name] of chains) {
    if (runChain(walk, name) !== 'refuse') continue
    walk.trace.fate = 'refused'
    return
  }
}

function runChain(walk: Walk, name: string): Verdict {
  const chain = walk.table.chains.get(name)
  if (!chain) throw new Error(`no chain ${name}`)
  walk.trace.path.push(name)
  for (const rule of chain.rules) {
    const verdict = runRule(walk, rule)
    if (verdict === 'accept' || verdict === 'refuse') return verdict
    if (verdict) return runChain(walk, verdict.goto)
  }
  return undefined
}

/** Runs the parts of a rule from left to right until one does not match or decides. */
function runRule(walk: Walk, rule: string): Verdict {
  let rest = rule
  while (rest !== '') {
    const part = parts.find(([pattern]) => pattern.test(rest))
    if (!part) throw new Error(`the tracer does not know: ${rest}`)
    const [whole = '', ...words] = part[0].exec(rest) ?? []
    const result = part[1](walk, words)
    if (result === false) return undefined
    if (result !== true) return result
    rest = rest.slice(whole.length).trimStart()
  }
  return undefined
}

/** True: the next part decides. False: the rule does not match. */
type Part = [RegExp, (walk: Walk, words: string[]) => boolean | Verdict]

const key = '((?:ip saddr|ip daddr|meta l4proto|th dport)(?: \\. (?:ip saddr|ip daddr|meta l4proto|th dport))*)'

const parts: Part[] = [
  [new RegExp(`^${key} vmap @(\\w+)`), (walk, [fields, map]) => verdictOf(lookUp(walk, fields, map))],
  [/^numgen random mod (\d+) vmap \{ (.*) \}/, drawVerdict],
  [/^jhash ip saddr mod (\d+) seed \w+ vmap \{ (.*) \}/, drawVerdict],
  [new RegExp(`^dnat ip to ${key} map @(\\w+)`), translate],
  [new RegExp(`^${key} @(\\w+)`), (walk, [fields, set]) => lookUp(walk, fields, set) !== undefined],
  [/^ip (saddr|daddr) != (\S+\/\d+)/, (walk, [side, range = '']) => !cidrContains(range, addressOf(walk, side))],
  [/^ip (saddr|daddr) (\S+\/\d+)/, (walk, [side, range = '']) => cidrContains(range, addressOf(walk, side))],
  [/^fib (saddr|daddr) type local/, (walk, [side]) => walk.options.local.includes(addressOf(walk, side))],
  [/^fib (saddr|daddr) type != local/, (walk, [side]) => !walk.options.local.includes(addressOf(walk, side))],
  [/^meta l4proto (tcp|udp)/, (walk, [protocol]) => walk.packet.protocol === protocol],
  [/^ct state new/, () => true],
  [/^meta mark and (\w+) == (\w+)/, ({ trace }, [bits, value]) => (trace.mark & Number(bits)) >>> 0 === Number(value)],
  [/^meta mark set meta mark or (\w+)/, ({ trace }, [bits]) => setMark(trace, trace.mark | Number(bits))],
  [/^meta mark set meta mark and (\w+)/, ({ trace }, [bits]) => setMark(trace, trace.mark & Number(bits))],
  [/^masquerade fully-random/, walk => masquerade(walk)],
  [/^reject with (tcp reset|icmp type port-unreachable)/, () => 'refuse'],
  [/^goto (\w+)/, (_walk, [chain = '']) => ({ goto: chain })],
  [/^jump (\w+)/, (walk, [chain = '']) => runChain(walk, chain) ?? true],
]

function addressOf({ packet, trace }: Walk, side?: string): string {
  return side === 'saddr' ? packet.from : trace.to
}

function lookUp(walk: Walk, fields = '', map = ''): string | undefined {
  const values: Record<string, string> = {
    'ip saddr': walk.packet.from,
    'ip daddr': walk.trace.to,
    'meta l4proto': walk.packet.protocol,
    'th dport': `${walk.trace.port}`,
  }
  const wanted = fields.split(' . ').map(field => values[field])
  return walk.table.maps.get(map)?.get(wanted.join(' . '))
}

/** No element, no match: the rule ends there. */
function verdictOf(text: string | undefined): false | Verdict {
  return text === undefined ? false : { goto: text.replace(/^goto /, '') }
}

function drawVerdict(walk: Walk, [modulus, list]: string[]): false | Verdict {
  return verdictOf(new Map(readElements(list)).get(`${walk.options.draw(Number(modulus))}`))
}

function translate(walk: Walk, [fields, map]: string[]): false | Verdict {
  const [to, port] = lookUp(walk, fields, map)?.split(' . ') ?? []
  if (to === undefined) return false
  walk.trace.to = to
  walk.trace.port = Number(port)
  return 'accept'
}

function setMark(trace: Trace, mark: number): true {
  trace.mark = mark >>> 0
  return true
}

function masquerade(walk: Walk): Verdict {
  walk.trace.masqueraded = true
  return 'accept'
}
