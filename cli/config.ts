/** Which cluster to talk to: `$FLOTILLA_CONFIG`, else `~/.config/flotilla/config.yaml`, else the master on this board. */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ClientConfig, type ClientContext, serversOf } from '../contract/wire/client-config.ts'
import { CodedError } from '../kit/errors.ts'
import { readConfigFile } from './config-file.ts'
import { usernameFor } from './credentials.ts'

export interface ClusterContext {
  name: string
  cluster: string
  /** Brokers' URLs as in kit/bus, in the order in which to try them: `mqtts://board-1.local`, `mqtts+unix:///run/x.sock`. */
  servers: string[]
  namespace: string
  /** Who we are there. */
  username: string
  ca?: string
  certificate?: string
  key?: string
  token?: string
  /** The file that it is from. */
  path?: string
}

export interface ContextSources {
  /** Flags: they win over everything. */
  config?: string | undefined
  context?: string | undefined
  server?: string | undefined
  namespace?: string | undefined
  env: Readonly<Record<string, string | undefined>>
  homeDirectory: string
  /** What the master on this board has written for its own people; another than the usual one in tests. */
  adminConfig?: string
}

const defaultAdminConfig = '/var/lib/flotilla/master/admin.yaml'

/** Rejects with `BadRequest`, saying how to come by a configuration when there is none. */
export async function findContext(sources: ContextSources): Promise<ClusterContext> {
  const path = findConfigPath(sources)
  if (path === undefined) throw noConfig(sources)
  const found = pickContext(await readConfigFile(path), path, sources.context)
  const { server, namespace = found.namespace ?? 'default', env } = sources
  const servers = server === undefined ? serversOf(found) : [server]
  const context = withToken(found, env['FLOTILLA_TOKEN'] || undefined)
  const { name, cluster, ca, certificate, key, token } = context
  const credentials = { ...(certificate && { certificate }), ...(key && { key }), ...(token && { token }) }
  return { name, cluster, servers, namespace, username: usernameFor(context), ...(ca && { ca }), ...credentials, path }
}

/** The file that commands about the configuration itself are about: one that need not be there yet. */
export function configPath({ config, env, homeDirectory }: ContextSources): string {
  const home = env['XDG_CONFIG_HOME'] || join(homeDirectory, '.config')
  return config ?? (env['FLOTILLA_CONFIG'] || join(home, 'flotilla', 'config.yaml'))
}

/** Undefined when there is none to read. */
export function findConfigPath(sources: ContextSources): string | undefined {
  const path = configPath(sources)
  const isAsked = sources.config !== undefined || Boolean(sources.env['FLOTILLA_CONFIG'])
  if (isAsked || existsSync(path)) return path
  const own = sources.adminConfig ?? defaultAdminConfig
  return isReadable(own) ? own : undefined
}

function pickContext(config: ClientConfig, path: string, asked: string | undefined): ClientContext {
  const name = asked ?? config['current-context'] ?? config.contexts[0]?.name
  const found = config.contexts.find(context => context.name === name)
  if (found) return found
  const names = config.contexts.map(context => context.name).join(', ') || 'none'
  throw new CodedError('BadRequest', `cannot use context ${name}: because ${path} has only: ${names}`)
}

/** A token of the environment takes the place of whoever the context is for: scripts bring their own. */
function withToken(context: ClientContext, token: string | undefined): ClientContext {
  if (token === undefined) return context
  const { username: _username, certificate: _certificate, key: _key, ...rest } = context
  return { ...rest, token }
}

function noConfig(sources: ContextSources): CodedError {
  const ways = [
    'take one that an admin has made for you: flotilla user create NAME there, flotilla config import FILE here',
    'try a fleet on this machine: sudo flotilla lab up',
  ]
  // Its folder is closed to all but root.
  if (existsSync(dirname(sources.adminConfig ?? defaultAdminConfig)))
    ways.unshift("on the master's own board, run as root: sudo flotilla …")
  const path = configPath(sources)
  return new CodedError(
    'BadRequest',
    `cannot find a cluster: because there is no configuration ${path}:\n  ${ways.join('\n  ')}`,
  )
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    // Not there, or not ours: either way there is nothing to read.
    return false
  }
}
