/** `flotilla config`: the ways into clusters. Keys are never shown. */
import {
  type ClientConfig,
  type ClientContext,
  maxClientConfigBytes,
  mergeContext,
  serversOf,
} from '../../contract/wire/client-config.ts'
import type { Input } from '../../kit/command-line.ts'
import { CodedError, messageOf } from '../../kit/errors.ts'
import { configPath, findConfigPath } from '../config.ts'
import { parseConfig, readConfigFile, renderConfig, writeConfigFile } from '../config-file.ts'
import { certificateEnd } from '../credentials.ts'
import type { Fleet, RunCommand } from '../fleet.ts'
import { readOptions } from '../options.ts'
import { readStdin } from '../read-stdin.ts'
import { renderTable } from '../table.ts'
import { formatExpiry } from '../tables/trust.ts'
import type { Terminal } from '../terminal.ts'

const titles = ['CURRENT', 'NAME', 'CLUSTER', 'SERVER', 'USER', 'NAMESPACE', 'EXPIRES']

export const runGetContexts: RunCommand = async (input, { terminal }) => {
  const { config } = await readConfig(input, terminal)
  const options = readOptions(input)
  for (const name of input.arguments) requireContext(config, name)
  const all = config.contexts.filter(({ name }) => input.arguments.length === 0 || input.arguments.includes(name))
  if (options.text('output') === 'name') {
    terminal.print(all.map(({ name }) => `${name}\n`).join(''))
    return 0
  }
  const rows = all.map(context => rowOf(context, { current: currentOf(config), nowMs: terminal.clock.now() }))
  const { lines } = renderTable(options.isOff('headers') ? rows : [titles, ...rows])
  terminal.print(lines.map(line => `${line}\n`).join(''))
  return 0
}

export const runCurrentContext: RunCommand = async (input, { terminal }) => {
  const name = currentOf((await readConfig(input, terminal)).config)
  if (name === undefined) throw new CodedError('BadRequest', 'cannot name the current context: because there is none')
  terminal.print(`${name}\n`)
  return 0
}

export const runUseContext: RunCommand = async (input, { terminal }) => {
  const { config, path } = await readConfig(input, terminal)
  const { name } = requireContext(config, input.arguments[0] ?? '')
  await writeConfigFile(path, { ...config, 'current-context': name })
  terminal.print(`Switched to context "${name}".\n`)
  return 0
}

export const runViewConfig: RunCommand = async (input, { terminal }) => {
  const { config } = await readConfig(input, terminal)
  const shown = { ...config, contexts: config.contexts.map(maskKeys) }
  const isJson = readOptions(input).text('output') === 'json'
  terminal.print(isJson ? `${JSON.stringify(shown, null, 4)}\n` : await renderConfig(shown))
  return 0
}

export const runImportConfig: RunCommand = async (input, { terminal }) => {
  const [from = ''] = input.arguments
  const imported = await readImport(from, terminal)
  const path = configPath(sourcesOf(input, terminal))
  let config = await readConfigFile(path).catch(error => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined
    throw error
  })
  const names: string[] = []
  for (const context of imported.contexts) {
    const merged = mergeContext(config, context)
    config = merged.config
    names.push(merged.name)
  }
  const [first] = names
  if (config === undefined || first === undefined)
    throw new CodedError('BadRequest', `cannot import ${from}: because it holds no context`)
  if (readOptions(input).flag('use')) config = { ...config, 'current-context': first }
  await writeConfigFile(path, config)
  for (const name of names) terminal.print(`context "${name}" imported into ${path}\n`)
  if (currentOf(config) !== first) terminal.warn(`To use it from now on: flotilla config use-context ${first}\n`)
  return 0
}

async function readConfig(input: Input, terminal: Terminal): Promise<{ config: ClientConfig; path: string }> {
  const sources = sourcesOf(input, terminal)
  const path = findConfigPath(sources) ?? configPath(sources)
  return { config: await readConfigFile(path), path }
}

function sourcesOf(input: Input, { env, homeDirectory }: Fleet['terminal']): Parameters<typeof configPath>[0] {
  return { config: readOptions(input).text('config'), env, homeDirectory }
}

function requireContext(config: ClientConfig, name: string): ClientContext {
  const found = config.contexts.find(context => context.name === name)
  if (found) return found
  const names = config.contexts.map(context => context.name).join(', ') || 'none'
  throw new CodedError('BadRequest', `cannot find context ${name}: because there is only: ${names}`)
}

function currentOf(config: ClientConfig): string | undefined {
  return config['current-context'] ?? config.contexts[0]?.name
}

function rowOf(context: ClientContext, { current, nowMs }: { current: string | undefined; nowMs: number }): string[] {
  const { name, cluster, username, namespace, certificate, token } = context
  const servers = serversOf(context)
  const more = servers.length > 1 ? ` + ${servers.length - 1} more...` : ''
  const endMs = certificate === undefined ? undefined : certificateEnd(certificate)
  const expires = endMs === undefined ? '' : formatExpiry(new Date(endMs).toISOString(), nowMs)
  const user = username ?? (token === undefined ? '' : '(token)')
  return [name === current ? '*' : '', name, cluster, `${servers[0]}${more}`, user, namespace ?? '', expires]
}

/** As kubectl masks them. */
function maskKeys(context: ClientContext): ClientContext {
  const { ca, certificate, key, token } = context
  return {
    ...context,
    ...(ca !== undefined && { ca: 'DATA+OMITTED' }),
    ...(certificate !== undefined && { certificate: 'DATA+OMITTED' }),
    ...(key !== undefined && { key: 'REDACTED' }),
    ...(token !== undefined && { token: 'REDACTED' }),
  }
}

async function readImport(from: string, terminal: Terminal): Promise<ClientConfig> {
  if (from !== '-') return readConfigFile(from)
  try {
    return await parseConfig((await readStdin(terminal.stdin, maxClientConfigBytes)).toString(), 'stdin')
  } catch (error) {
    throw new CodedError('BadRequest', `cannot read stdin: because ${messageOf(error)}`, { cause: error })
  }
}
