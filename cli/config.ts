/** Which cluster to talk to: `$FLOTILLA_CONFIG`, else `~/.config/flotilla/config.yaml`, else the master on this board. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, messageOf } from '../kit/errors.ts'

export interface ClusterContext {
  name: string
  cluster: string
  /** A broker's URL, as in kit/bus: `mqtt://board-1.local`, `mqtt+unix:///run/flotilla/master.sock`. */
  server: string
  namespace: string
}

export interface ContextSources {
  /** Flags: they win over everything. */
  config?: string | undefined
  context?: string | undefined
  server?: string | undefined
  namespace?: string | undefined
  env: Readonly<Record<string, string | undefined>>
  homeDirectory: string
  /** The master's socket on this board; other than the usual one in tests. */
  masterSocket?: string
}

export interface ConfigFile {
  'current-context'?: string
  contexts: Array<{ name: string; cluster: string; server: string; namespace?: string }>
}

const defaultCluster = 'home'
const defaultMasterSocket = '/run/flotilla/master.sock'
/** No configuration is longer. */
const maxConfigBytes = 256 * 1024

/** Rejects with `BadRequest`, saying how to make a configuration when there is none. */
export async function findContext(sources: ContextSources): Promise<ClusterContext> {
  const file = await readConfig(sources)
  const base = file ? pickContext(file.config, file.path, sources.context) : builtInContext(sources)
  if (!base) throw noConfig(sources)
  const { server = base.server, namespace = base.namespace } = withoutUndefined(sources)
  return { ...base, server, namespace }
}

async function readConfig(sources: ContextSources): Promise<{ config: ConfigFile; path: string } | undefined> {
  const asked = sources.config ?? (sources.env['FLOTILLA_CONFIG'] || undefined)
  const path = asked ?? defaultPath(sources)
  if (asked === undefined && !existsSync(path)) return undefined
  try {
    const text = await readFile(path, 'utf8')
    if (text.length > maxConfigBytes) throw new Error(`it is longer than ${maxConfigBytes} bytes`)
    return { config: checkConfig(await parseText(text, path)), path }
  } catch (error) {
    throw new CodedError('BadRequest', `cannot read the configuration ${path}: because ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** JSON is YAML too, and read without loading a YAML library: every command pays for its start. */
async function parseText(text: string, path: string): Promise<unknown> {
  if (text.trimStart().startsWith('{')) return JSON.parse(text)
  const { parseYamlDocuments } = await import('../contract/manifest/yaml.ts')
  const { documents, problems } = parseYamlDocuments(text, path)
  const [problem] = problems
  if (problem) throw new Error(`line ${problem.line}: ${problem.message}`)
  return documents[0]?.value
}

/** Throws an Error that names what is wrong. */
export function checkConfig(value: unknown): ConfigFile {
  const config = value as Partial<ConfigFile> | undefined
  if (typeof config !== 'object' || config === null || !Array.isArray(config.contexts))
    throw new Error('it has no list "contexts"')
  for (const [index, context] of config.contexts.entries())
    for (const field of ['name', 'cluster', 'server'] as const)
      if (typeof context?.[field] !== 'string' || context[field] === '')
        throw new Error(`contexts[${index}].${field} is no text`)
  return config as ConfigFile
}

function pickContext(config: ConfigFile, path: string, asked: string | undefined): ClusterContext {
  const name = asked ?? config['current-context'] ?? config.contexts[0]?.name
  const found = config.contexts.find(context => context.name === name)
  if (found) return { ...found, namespace: found.namespace ?? 'default' }
  const names = config.contexts.map(context => context.name).join(', ')
  throw new CodedError('BadRequest', `cannot use context ${name}: because ${path} has only: ${names}`)
}

/** `--server` alone is enough; and on the master's own board nothing needs to be said. */
function builtInContext(sources: ContextSources): ClusterContext | undefined {
  const socket = sources.masterSocket ?? defaultMasterSocket
  const own = existsSync(socket) ? `mqtt+unix://${socket}` : undefined
  const server = sources.server ?? own
  return server === undefined ? undefined : { name: 'local', cluster: defaultCluster, server, namespace: 'default' }
}

function noConfig(sources: ContextSources): CodedError {
  const path = defaultPath(sources)
  const example = [
    'current-context: home',
    'contexts:',
    '- {name: home, cluster: home, server: "mqtt://MASTER-ADDRESS:1883", namespace: default}',
  ]
  return new CodedError(
    'BadRequest',
    `cannot find a cluster: because there is no configuration. Write ${path}:\n\n  ${example.join('\n  ')}\n\n` +
      'or name the master with --server mqtt://ADDRESS, or try a fleet on this machine: flotilla lab up',
  )
}

function defaultPath({ env, homeDirectory }: ContextSources): string {
  return join(env['XDG_CONFIG_HOME'] || join(homeDirectory, '.config'), 'flotilla', 'config.yaml')
}

function withoutUndefined({ server, namespace }: ContextSources): { server?: string; namespace?: string } {
  return { ...(server !== undefined && { server }), ...(namespace !== undefined && { namespace }) }
}
