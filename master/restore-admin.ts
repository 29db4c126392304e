/** The way back of those who have shut out their last administrator: whoever owns the master's disk makes the user `admin` again. */
import { join } from 'node:path'
import { trustApiVersion, type User } from '../contract/resources/trust.ts'
import { CodedError } from '../kit/errors.ts'
import { readPrivateFile } from '../kit/private-file.ts'
import { readCertificate } from '../kit/x509.ts'
import { type FoundationOptions, furnish, openStore } from './foundation.ts'
import { adminName } from './trust/admin.ts'
import { userKind } from './trust/kinds.ts'
import { pkiFiles } from './trust/pki.ts'
import { issuedMsOf } from './trust/serial.ts'
import { pkiDirectoryOf } from './trust/trust.ts'

/**
 * What `admin` had before is worth nothing afterwards. The store must be nobody else's meanwhile. Rejects with `BadRequest` when
 * the clock is wrong: then what was revoked could count again.
 */
export async function restoreAdmin(options: FoundationOptions): Promise<void> {
  const { dataDirectory, clock } = options
  const nowMs = clock.now()
  const madeMs = await caMadeMs(dataDirectory)
  // No cluster yet: its first start makes the user.
  if (madeMs === undefined) return
  if (nowMs < madeMs) {
    const why = `this board's clock says ${new Date(nowMs).toISOString()}, which is before the cluster was made`
    throw new CodedError('BadRequest', `cannot let ${adminName} in again: because ${why}: set it first`)
  }
  const store = await openStore(options, () => undefined)
  try {
    const { objects } = furnish(options, store)
    const spec: User['spec'] = { groups: ['system:masters'], validAfter: new Date(nowMs).toISOString() }
    const isThere = await objects.update<User>({ kind: userKind, name: adminName }, user => ({ ...user, spec }))
    if (isThere) return
    await objects.create<User>({ apiVersion: trustApiVersion, kind: 'User', metadata: { name: adminName }, spec })
  } finally {
    await store.close()
  }
}

async function caMadeMs(dataDirectory: string): Promise<number | undefined> {
  const ca = await readPrivateFile(join(pkiDirectoryOf(dataDirectory), pkiFiles.caCertificate))
  return ca === undefined ? undefined : issuedMsOf(readCertificate(ca).serialNumber)
}
