/** `flotilla broker render`: the table of who may say and hear what, as the configuration of a broker that is not ours. */
import { join, resolve } from 'node:path'
import type { User } from '../../contract/resources/trust.ts'
import type { Identity } from '../../contract/wire/identity.ts'
import { type MosquittoFiles, type MosquittoOptions, renderMosquitto } from '../../contract/wire/mosquitto.ts'
import { makeDirectory } from '../../kit/directory.ts'
import { writePrivateFile } from '../../kit/private-file.ts'
import { type Session, withSession } from '../connect.ts'
import type { Fleet, RunCommand } from '../fleet.ts'
import { type Options, readOptions } from '../options.ts'
import { kindNamed, targetOf } from '../resource-args.ts'
import { UsageError } from '../usage-error.ts'

const names = { conf: 'mosquitto.conf', acl: 'acl', joinAcl: 'join-acl', ca: 'ca.crt' }
const defaultPort = 8883
const defaultJoinPort = 8884

export const runBrokerRender: RunCommand = (input, { terminal, openBus }) => {
  const [broker] = input.arguments
  if (broker !== 'mosquitto') throw new UsageError(`cannot render for "${broker}": because only mosquitto is known`)
  const options = readOptions(input)
  return withSession(input, { terminal, openBus }, async session => {
    const rendered = renderMosquitto(await optionsFor(session, options))
    const out = options.text('out')
    if (out === undefined) printAll(rendered, terminal)
    else await writeAll(rendered, { out, ca: session.context.ca, terminal })
    return 0
  })
}

async function optionsFor(session: Session, options: Options): Promise<MosquittoOptions> {
  const folder = resolve(options.text('out') ?? '/etc/mosquitto/flotilla')
  const [host, crl] = [options.text('host'), options.text('crl')]
  const [port, joinPort] = [options.number('port') ?? defaultPort, options.number('joinPort') ?? defaultJoinPort]
  const at = (name: string): string => join(folder, name)
  return {
    cluster: session.context.cluster,
    identities: await listIdentities(session),
    listen: { port, joinPort, ...(host !== undefined && { host }) },
    files: {
      ...{ ca: at(names.ca), cert: at('server.crt'), key: at('server.key') },
      ...{ acl: at(names.acl), joinAcl: at(names.joinAcl), ...(crl !== undefined && { crl: resolve(crl) }) },
    },
  }
}

/** Those who may come by a certificate now. */
async function listIdentities({ api }: Session): Promise<Identity[]> {
  const list = async (word: string) => (await api.list(targetOf(kindNamed(word), undefined))).items
  const living = ({ spec }: { spec?: Record<string, unknown> }): boolean => spec?.['revoked'] !== true
  const nodes = (await list('nodeidentities')).filter(living)
  const users = (await list('users')).filter(living)
  return [
    { kind: 'master' },
    ...nodes.map(({ metadata }): Identity => ({ kind: 'node', name: metadata.name })),
    ...users.map(({ metadata, spec }): Identity => {
      const { tool } = (spec ?? {}) as User['spec']
      return { kind: tool ? 'tool' : 'user', name: metadata.name }
    }),
  ]
}

function printAll(rendered: MosquittoFiles, { print }: Pick<Fleet['terminal'], 'print'>): void {
  for (const key of ['conf', 'acl', 'joinAcl'] as const) print(`# ==> ${names[key]} <==\n${rendered[key]}\n`)
}

async function writeAll(
  rendered: MosquittoFiles,
  { out, ca, terminal }: { out: string; ca: string | undefined; terminal: Fleet['terminal'] },
): Promise<void> {
  await makeDirectory(out, 0o750)
  const files = { [names.conf]: rendered.conf, [names.acl]: rendered.acl, [names.joinAcl]: rendered.joinAcl }
  for (const [name, text] of Object.entries({ ...files, ...(ca !== undefined && { [names.ca]: ca }) })) {
    await writePrivateFile(join(out, name), text)
    terminal.print(`${join(out, name)}\n`)
  }
  terminal.warn(
    `It needs server.crt and server.key beside them: copy both from the pki folder of the master's data. ` +
      'All files must be readable by the user that Mosquitto runs as.\n',
  )
}
