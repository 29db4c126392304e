/** The import direction of the rooms: who may know whom. */
import { dirname, join } from 'node:path/posix'
import test from 'ava'
import { importsOf, readSources, type SourceFile } from './source.ts'

interface Rule {
  /** Longest match of a file's path wins. */
  room: string
  mayImport: string[]
  why: string
}

const base = ['kit', 'kit/bus', 'contract']

const rules: Rule[] = [
  { room: 'kit', mayImport: ['kit'], why: 'the kit knows no Flotilla noun and no room' },
  { room: 'kit/bus', mayImport: ['kit', 'kit/bus'], why: 'the bus carries messages whose meaning it does not know' },
  {
    room: 'contract',
    mayImport: ['contract', 'kit'],
    why: 'the contract is what all islands share: it knows none of them',
  },
  { room: 'master/scheduler', mayImport: ['master/scheduler', 'contract', 'kit'], why: 'placing is pure' },
  { room: 'master/authorization', mayImport: ['master/authorization', 'contract', 'kit'], why: 'deciding is pure' },
  {
    room: 'master/trust',
    mayImport: ['master/trust', 'master/broker/policy.ts', 'master/store', ...base],
    why: 'who somebody is follows from the store and the keys; the broker and the API ask through ports',
  },
  {
    room: 'master/audit',
    mayImport: ['master/audit', 'contract', 'kit'],
    why: 'the audit log writes what it is given',
  },
  { room: 'master/store', mayImport: ['master/store', 'contract', 'kit'], why: 'the store knows no reader of it' },
  {
    room: 'master/controllers',
    mayImport: ['master/controllers', 'master/scheduler', 'master/store', ...base],
    why: 'controllers meet others through the store',
  },
  {
    room: 'master/fleet',
    mayImport: ['master/fleet', 'master/store', ...base],
    why: 'the wire meets others through the store',
  },
  {
    room: 'master/api',
    mayImport: ['master/api', 'master/authorization', 'master/audit', 'master/store', ...base],
    why: 'verbs meet others through the store',
  },
  { room: 'master/broker', mayImport: ['master/broker', ...base], why: 'a broker carries messages and reads none' },
  { room: 'master', mayImport: ['master', 'master/*', ...base], why: 'the wiring of one island' },
  {
    room: 'agent/runtime',
    mayImport: ['agent/runtime', 'contract', 'kit'],
    why: 'a port and its adapters know no user of it',
  },
  {
    room: 'agent/network',
    mayImport: ['agent/network', 'contract', 'kit'],
    why: 'a port and its adapters know no user of it',
  },
  {
    room: 'agent/identity',
    mayImport: ['agent/identity', ...base],
    why: 'who a board is comes before all that it does',
  },
  {
    room: 'agent/volumes',
    mayImport: ['agent/volumes', 'contract', 'kit'],
    why: 'a port and its adapters know no user of it',
  },
  {
    room: 'agent/board',
    mayImport: ['agent/board', 'agent/identity', 'agent/runtime', 'firmware-config', ...base],
    why: "the board's first start and its health come before the pods",
  },
  { room: 'agent/desired', mayImport: ['agent/desired', ...base], why: 'the inbox knows the wire only' },
  {
    room: 'agent/reconcile',
    mayImport: [
      ...['agent/reconcile', 'agent/runtime/runtime.ts', 'agent/network/network.ts', 'agent/volumes/volumes.ts'],
      ...base,
    ],
    why: 'deciding and doing go through ports',
  },
  {
    room: 'agent/telemetry',
    mayImport: ['agent/telemetry', 'agent/runtime/runtime.ts', ...base],
    why: 'telemetry reads the board and asks the runtime port',
  },
  {
    room: 'agent/sessions',
    mayImport: ['agent/sessions', 'agent/runtime/runtime.ts', 'agent/runtime/logs.ts', ...base],
    why: 'sessions ask the runtime port',
  },
  { room: 'agent', mayImport: ['agent', 'agent/*', ...base], why: 'the wiring of one island' },
  {
    room: 'cli/lab',
    mayImport: ['cli/lab', 'cli', 'images', ...base],
    why: 'the lab starts the programs, it does not import them',
  },
  {
    room: 'cli/flash',
    mayImport: ['cli/flash', 'cli', 'firmware-config', ...base],
    why: 'flash writes what firmware-config renders, and asks the master as any command does',
  },
  { room: 'cli', mayImport: ['cli', 'cli/*', ...base], why: 'the CLI speaks over the wire only' },
  {
    room: 'firmware-config',
    mayImport: ['firmware-config', 'contract', 'kit'],
    why: 'what belongs onto a board is data and pure functions',
  },
  {
    room: 'images',
    mayImport: ['images', 'images/*', 'firmware-config', 'contract', 'kit', 'cli/cli.ts', 'flotilla.ts'],
    why: 'recipes put together what the rooms make, and know no island',
  },
  { room: 'flotilla.ts', mayImport: ['*'], why: 'the entry dispatches to the islands' },
  {
    room: 'self-check.ts',
    mayImport: ['master/store', ...base],
    why: 'it tries what the packed program stands on, and no more',
  },
]

const sources = readSources()

test('every file lives in a room that has a rule', t => {
  const homeless = sources.filter(({ path }) => !ruleFor(path)).map(({ path }) => path)
  t.deepEqual(homeless, [], 'give the new room a line in test/house/layers.test.ts, and in ARCHITECTURE.md')
})

test('rooms import only what their layer may know', t => {
  const broken = sources.flatMap(source => {
    const rule = ruleFor(source.path)
    return rule
      ? localImports(source)
          .filter(target => !isAllowed(rule, target))
          .map(target => `${source.path} imports ${target}: ${rule.why}`)
      : []
  })
  t.deepEqual(broken, [])
})

test('each library is imported by one adapter file', t => {
  const users = new Map<string, Set<string>>()
  for (const source of sources) {
    for (const library of importsOf(source).filter(isLibrary).map(packageOf)) {
      users.set(library, (users.get(library) ?? new Set()).add(source.path))
    }
  }
  t.true(users.size > 5, 'the reading of imports is broken: it found hardly any library')
  const shared = [...users]
    .filter(([, files]) => files.size > 1)
    .map(([library, files]) => `${library}: ${[...files].join(', ')}`)
  t.deepEqual(shared, [], 'put the library behind one file, so that it can be replaced there')
})

test('a file that imports nothing forbidden would be found if it did', t => {
  const rule = ruleFor('master/api/api.ts')
  t.false(isAllowed(rule!, 'agent/agent.ts'))
  t.false(isAllowed(rule!, 'master/fleet/intake.ts'))
  t.true(isAllowed(rule!, 'master/store/store.ts'))
  t.deepEqual(
    importsOf({
      path: 'x.ts',
      text: "import {\n  a,\n} from './a.ts'\nimport type { B } from 'b'\nawait import('./c.ts')\n",
    }),
    ['./a.ts', 'b', './c.ts'],
  )
})

function ruleFor(path: string): Rule | undefined {
  const fitting = rules.filter(({ room }) => path === room || path.startsWith(`${room}/`))
  return fitting.sort((a, b) => b.room.length - a.room.length)[0]
}

function isAllowed(rule: Rule, target: string): boolean {
  const room = ruleFor(target)?.room ?? dirname(target)
  return rule.mayImport.some(allowed => {
    if (allowed === '*' || allowed === target || allowed === room) return true
    return allowed.endsWith('/*') && room.startsWith(allowed.slice(0, -1))
  })
}

function localImports(source: SourceFile): string[] {
  return importsOf(source)
    .filter(target => target.startsWith('.'))
    .map(target => join(dirname(source.path), target))
}

function isLibrary(target: string): boolean {
  return !target.startsWith('.') && !target.startsWith('node:')
}

function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
}
