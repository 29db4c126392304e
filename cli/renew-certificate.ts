/** Renews a user's certificate before it runs out, while a command is at work: nobody has to think of it. */
import { stat } from 'node:fs/promises'
import type { Clock } from '../kit/clock.ts'
import { messageOf } from '../kit/errors.ts'
import type { ApiClient } from './api-client.ts'
import type { ClusterContext } from './config.ts'
import { readConfigFile, writeConfigFile } from './config-file.ts'
import { certificateEnd } from './credentials.ts'
import { kindNamed, targetOf } from './resource-args.ts'

export interface Renewal {
  api: Pick<ApiClient, 'sign'>
  context: ClusterContext
  clock: Clock
  /** Takes a line for stderr. */
  warn: (text: string) => void
}

/** With a third of its year to go: certificates begin in 1970 (boards without a clock), so only the end says how old one is. */
export const renewWithinMs = (365 / 3) * 24 * 60 * 60 * 1000

/** Never rejects: the command has other work, and the certificate still holds. */
export async function renewCertificate({ api, context, clock, warn }: Renewal): Promise<void> {
  const { certificate, key, path, username } = context
  if (!certificate || !key || path === undefined) return
  const endMs = certificateEnd(certificate)
  if (endMs === undefined || endMs - clock.now() > renewWithinMs) return
  try {
    // Behind sudo: the file would be root's afterwards, and its owner shut out of it.
    if ((await stat(path)).uid !== process.geteuid?.()) return
    const { createCsr } = await import('../kit/x509.ts')
    const { csr } = await createCsr({ commonName: username, key })
    const signed = await api.sign(targetOf(kindNamed('users'), undefined, username), csr)
    await replaceCertificate(path, { before: certificate, after: signed.certificate })
  } catch (error) {
    const ends = new Date(endMs).toISOString().slice(0, 10)
    warn(`hint: your certificate ends on ${ends} and could not be renewed: ${messageOf(error)}\n`)
  }
}

/** Read again at the last moment: another command may have changed the file meanwhile, or renewed already. */
async function replaceCertificate(path: string, { before, after }: { before: string; after: string }): Promise<void> {
  const config = await readConfigFile(path)
  const contexts = config.contexts.map(context =>
    context.certificate === before ? { ...context, certificate: after } : context,
  )
  await writeConfigFile(path, { ...config, contexts })
}
