/** nftables in memory: takes the very text that nft would, for the part of its language that we render, and refuses what the kernel refuses. */
import type { RunCommand } from '../../agent/network/command.ts'
import { CodedError } from '../../kit/errors.ts'

export interface Chain {
  /** Undefined for a chain that is only jumped to. */
  hook?: { name: string; priority: number }
  rules: string[]
}

export interface Table {
  /** Maps and sets; the elements of a set have the value ''. */
  maps: Map<string, Map<string, string>>
  chains: Map<string, Chain>
}

export class NftModel {
  #tables = new Map<string, Table>()
  /** Transactions taken in so far, as they came. */
  readonly transactions: string[] = []

  table(name: string): Table | undefined {
    return this.#tables.get(name)
  }

  flush(): void {
    this.#tables.clear()
  }

  /** All or nothing, like the kernel. */
  apply(transaction: string): void {
    const tables = structuredClone(this.#tables)
    const lines = transaction.split('\n').map(line => line.trim())
    while (lines.length > 0) applyStatement(tables, lines)
    for (const table of tables.values()) checkTargets(table)
    this.#tables = tables
    this.transactions.push(transaction)
  }

  /** Stands in for nft and conntrack on a board without UDP flows. */
  readonly run: RunCommand = async (argv, options) => {
    if (argv[0] !== 'nft') return ''
    if (argv[1] === '-f') {
      this.apply(options?.stdin ?? '')
      return ''
    }
    const table = this.#tables.get('flotilla')
    return table ? JSON.stringify({ maps: [...table.maps.keys()], chains: [...table.chains] }) : ''
  }
}

const statements: Array<[RegExp, (tables: Map<string, Table>, words: string[], lines: string[]) => void]> = [
  [/^$/, () => undefined],
  [/^add table ip (\w+)$/, (tables, [name = '']) => addMissing(tables, name)],
  [/^delete table ip (\w+)$/, (tables, [name = '']) => tables.delete(name) || refuse(`no table ${name}`)],
  [/^table ip (\w+) \{$/, (tables, [name = ''], lines) => readTable(addMissing(tables, name), lines)],
  [/^add map ip (\w+) (\w+) \{.*\}$/, (tables, [t, name = '']) => get(tables, t).maps.set(name, new Map())],
  [/^add chain ip (\w+) (\w+)$/, (tables, [t, name = '']) => get(tables, t).chains.set(name, { rules: [] })],
  [/^add rule ip (\w+) (\w+) (.*)$/, (tables, [t, c, rule = '']) => get(get(tables, t).chains, c).rules.push(rule)],
  [/^add element ip (\w+) (\w+) \{ (.*) \}$/, (tables, [t, m, list]) => addElements(get(get(tables, t).maps, m), list)],
  [
    /^delete element ip (\w+) (\w+) \{ (.*) \}$/,
    (tables, [t, m, list]) => deleteElements(get(get(tables, t).maps, m), list),
  ],
]

function applyStatement(tables: Map<string, Table>, lines: string[]): void {
  const line = lines.shift() ?? ''
  for (const [pattern, run] of statements) {
    const [, ...words] = pattern.exec(line) ?? [undefined]
    if (!pattern.test(line)) continue
    run(tables, words as string[], lines)
    return
  }
  refuse(`syntax error in ${line.slice(0, 80)}`)
}

/** The block form: maps and sets on a line each, chains until their closing brace. */
function readTable(table: Table, lines: string[]): void {
  for (let line = lines.shift(); line !== '}'; line = lines.shift()) {
    const [, kind, name = ''] = /^(map|set|chain) (\w+) \{/.exec(line ?? '') ?? refuse(`syntax error in ${line}`)
    if (kind === 'chain') table.chains.set(name, readChain(lines))
    else table.maps.set(name, new Map())
  }
}

function readChain(lines: string[]): Chain {
  const chain: Chain = { rules: [] }
  for (let line = lines.shift() ?? '}'; line !== '}'; line = lines.shift() ?? '}') {
    const [, name, priority] = /^type \w+ hook (\w+) priority (-?\d+); policy accept;$/.exec(line) ?? []
    if (name) chain.hook = { name, priority: Number(priority) }
    else chain.rules.push(line)
  }
  return chain
}

export function readElements(list = ''): Array<[key: string, value: string]> {
  return list.split(', ').map(element => {
    const [key = '', value = ''] = element.split(' : ')
    return [key, value]
  })
}

function addElements(map: Map<string, string>, list?: string): void {
  for (const [key, value] of readElements(list)) {
    if (map.has(key) && map.get(key) !== value) refuse(`${key} is there already`)
    map.set(key, value)
  }
}

function deleteElements(map: Map<string, string>, list?: string): void {
  for (const [key] of readElements(list)) if (!map.delete(key)) refuse(`no element ${key}`)
}

function checkTargets({ chains, maps }: Table): void {
  const texts = [...[...maps.values()].flatMap(map => [...map.values()]), ...[...chains.values()].flatMap(c => c.rules)]
  for (const text of texts) {
    for (const [, target = ''] of text.matchAll(/(?:goto|jump) (\w+)/g)) get(chains, target)
    for (const [, target = ''] of text.matchAll(/@(\w+)/g)) get(maps, target)
  }
}

function addMissing(tables: Map<string, Table>, name: string): Table {
  const table = tables.get(name) ?? { maps: new Map(), chains: new Map() }
  tables.set(name, table)
  return table
}

function get<T>(from: Map<string, T>, name = ''): T {
  return from.get(name) ?? refuse(`no ${name}`)
}

function refuse(why: string): never {
  throw new CodedError('InternalError', `cannot run nft -f -: because ${why}`)
}
