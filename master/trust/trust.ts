/** Who belongs to the cluster, wired: the keys on the disk, and all that is decided and signed with them. */
import { join } from 'node:path'
import type { NodeIdentity, User } from '../../contract/resources/trust.ts'
import type { Identity } from '../../contract/wire/identity.ts'
import type { Topics } from '../../contract/wire/topics.ts'
import type { Bus } from '../../kit/bus/bus.ts'
import type { Clock } from '../../kit/clock.ts'
import { messageOf } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { Loop } from '../../kit/loop.ts'
import type { Random } from '../../kit/random.ts'
import type { Policy } from '../broker/policy.ts'
import type { Cache } from '../store/cache.ts'
import type { EventRecorder } from '../store/event-recorder.ts'
import type { Objects } from '../store/objects.ts'
import { Admin } from './admin.ts'
import { Authenticator } from './authenticator.ts'
import { Authority } from './authority.ts'
import { BrokerFiles, type BrokerFilesParts } from './broker-files.ts'
import { type Certified, Certifier } from './certifier.ts'
import { Identities } from './identities.ts'
import { BoardJoiner } from './join-board.ts'
import { JoinService } from './join-service.ts'
import { nodeIdentityKind, userKind } from './kinds.ts'
import { Ledger } from './ledger.ts'
import { Nonces } from './nonces.ts'
import { namesWith, type OwnNames, ownNames } from './own-addresses.ts'
import { OwnCertificate } from './own-certificate.ts'
import { openKey, openPki, pkiFiles } from './pki.ts'
import { BoardRenewal } from './renew-board.ts'
import { SecurityEvents } from './security-events.ts'
import { ServerCertificate } from './server-certificate.ts'
import { Tokens } from './tokens.ts'

export interface TrustOptions {
  /** The master's data directory. */
  directory: string
  cluster: string
  clock: Clock
  random: Random
  log: Log
  objects: Objects
  /** Started before anybody connects. */
  cache: Cache
  events: EventRecorder
  /** `HOST:PORT` under which others find the broker. */
  addresses: () => string[]
  /** The same for boards that join, when that is elsewhere. */
  joinAddresses?: () => string[]
  /** URLs for programs on this board, before those of `addresses`. */
  localServers?: () => string[]
  /** Of the server's certificate. Default: the board's own, and those of `addresses`. */
  names?: () => OwnNames
  /** Whether a board is heard, or was a moment ago. */
  isLiving: (node: string) => boolean
  /** Whether a node's connection is that of a second board with its identity. Default: none is. */
  isTwin?: (node: string, clientId: string) => boolean
}

/** What the API's verbs `sign`, `token` and `invite` are done by. */
export interface TrustVerbs {
  certify(identity: Identity, csr: string | undefined): Promise<Certified>
  mint(
    identity: Identity,
    options: { expirationSeconds?: number; audience?: string; pod?: { name: string; uid: string } },
  ): Promise<{ token: string; expirationTimestamp: string }>
  invitation(): { cluster: string; addresses: string[]; caFingerprint: string }
}

export type BrokerFilesPlace = Pick<BrokerFilesParts, 'directory' | 'pidFile' | 'listen'>

export interface Trust {
  authority: Authority
  ledger: Ledger
  /** Lets the embedded broker ask who connects. */
  policy: Policy
  identities: Identities
  serverCertificate: ServerCertificate
  securityEvents: SecurityEvents
  verbs: TrustVerbs
  /** Where the keys are, and the administrator's configuration. */
  pkiDirectory: string
  adminPath: string
  /** The CA was made just now. */
  isNew: boolean
  /** The master's own way into a broker that is not ours. */
  openOwnCertificate(): Promise<OwnCertificate>
  /** Answers boards that ask to join. */
  joinService(bus: Bus, topics: Topics): JoinService
  /** Keeps the files of a broker that is not ours. */
  openBrokerFiles(of: BrokerFilesPlace): Promise<BrokerFiles>
  /** Keeps the administrator's configuration and other files fresh while it runs. */
  upkeep: Loop
}

const upkeepMs = 60 * 60_000

export const pkiDirectoryOf = (dataDirectory: string): string => join(dataDirectory, 'pki')
export const adminPathOf = (dataDirectory: string): string => join(dataDirectory, 'admin.yaml')

/** Makes what is missing. Rejects with `Invalid` or `Forbidden` when what is there cannot be trusted. */
export async function openTrust(options: TrustOptions): Promise<Trust> {
  const { directory, cluster, clock, random, log, objects, cache, events } = options
  const names = options.names ?? ((): OwnNames => namesWith(ownNames(), options.addresses()))
  const pkiDirectory = pkiDirectoryOf(directory)
  const pki = await openPki({ directory: pkiDirectory, cluster, clock, random, isInUse: await isInUse(objects) })
  const ledger = await Ledger.open(join(pkiDirectory, pkiFiles.ledger), clock.now())
  const authority = new Authority({ credentials: pki.ca, clock, random, ledger })
  const path = join(pkiDirectory, pkiFiles.serverCertificate)
  const serverCertificate = new ServerCertificate({ authority, key: pki.serverKey, path, names, clock, log })
  await serverCertificate.open()
  const tokens = new Tokens({ cluster, key: pki.tokenKey })
  const identities = new Identities(cache)
  const certifier = new Certifier({ authority, objects, tokens })
  const adminPath = adminPathOf(directory)
  const servers = (): string[] => options.addresses().map(address => `mqtts://${address}`)
  const local = (): string[] => [...(options.localServers?.() ?? []), ...servers()]
  const admin = new Admin({ ...{ cluster, path: adminPath, authority, certifier, objects, log }, servers: local })
  await admin.ensureUser()
  await admin.refresh()
  return {
    ...{ authority, ledger, identities, serverCertificate, pkiDirectory, adminPath, isNew: pki.isNew },
    policy: new Authenticator({ authority, identities, tokens, isTwin: options.isTwin ?? (() => false) }),
    securityEvents: new SecurityEvents({ events, clock, log }),
    verbs: verbsOf({ cluster, authority, certifier, addresses: options.joinAddresses ?? options.addresses }),
    upkeep: upkeepOf(admin, options),
    openOwnCertificate: async () => {
      const own = new OwnCertificate({ authority, directory: pkiDirectory })
      await own.refresh()
      return own
    },
    openBrokerFiles: async place => {
      const key = await openKey(join(pkiDirectory, pkiFiles.brokerKey))
      const path = join(pkiDirectory, pkiFiles.brokerCertificate)
      const certificate = new ServerCertificate({ authority, key, path, names, clock, log })
      await certificate.open()
      const parts = { cluster, authority, ledger, identities, cache, clock, log }
      return new BrokerFiles({ ...parts, ...place, serverCertificate: certificate })
    },
    joinService: (bus, topics) => {
      const nonces = new Nonces({ clock, random })
      const joiner = new BoardJoiner({ authority, objects, events, clock, isLiving: options.isLiving })
      const renewal = new BoardRenewal({ cluster, authority, certifier, identities, nonces, events })
      return new JoinService({ bus, topics, clock, log, authority, objects, joiner, renewal, nonces, servers })
    },
  }
}

function verbsOf(parts: {
  cluster: string
  authority: Authority
  certifier: Certifier
  addresses: () => string[]
}): TrustVerbs {
  const { cluster, authority, certifier, addresses } = parts
  return {
    certify: (identity, csr) => certifier.certify(identity, csr),
    mint: (identity, options) => certifier.mint(identity, options),
    invitation: () => ({ cluster, addresses: addresses(), caFingerprint: authority.facts.fingerprint }),
  }
}

function upkeepOf(admin: Admin, { clock, log }: TrustOptions): Loop {
  const onError = (error: unknown): void =>
    log.warn("cannot keep the administrator's configuration", { reason: messageOf(error) })
  const run = async (): Promise<void> => {
    await admin.refresh()
  }
  return new Loop({ clock, intervalMs: upkeepMs, run, onError })
}

/** Somebody relies on a CA already: a new one would shut them all out. */
async function isInUse(objects: Objects): Promise<boolean> {
  const users = await objects.list<User>(userKind)
  return users.length > 0 || (await objects.list<NodeIdentity>(nodeIdentityKind)).length > 0
}
