/** Wires what pods find in their files and environments: the wish, the board's own key, the tokens that the master gives. */
import type { SecretContents } from '../contract/wire/fleet.ts'
import type { Bus } from '../kit/bus/bus.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Random } from '../kit/random.ts'
import type { BoardWish } from './desired/desired.ts'
import { openSecret } from './desired/open-secret.ts'
import type { AgentIdentity } from './identity/identity.ts'
import type { NodeApi } from './identity/node-api.ts'
import { createCommandRunner } from './network/command.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'
import { ServiceAccountTokens, type TokenWant } from './volumes/service-account-tokens.ts'
import type { Volumes } from './volumes/volumes.ts'

export interface VolumeWiring {
  identity: AgentIdentity
  bus: Pick<Bus, 'onConnect'>
  api: NodeApi
  /** Of what pods keep on the disk. */
  podFiles: string
  wish: () => BoardWish | undefined
  onToken: (uid: string) => void
  onMissingToken: (want: TokenWant, reason: string) => void
  clock: Clock
  random: Random
  log: Log
}

export interface WiredVolumes {
  volumes: Volumes
  openSecret: (key: string) => Promise<SecretContents | undefined>
  stop: () => void
}

/** Another cluster's agent on this board has its own directory, or each would take away the other's files. */
const memoryDirectory = '/run/flotilla/pods'

export function wireVolumes(wiring: VolumeWiring): WiredVolumes {
  const { identity, bus, api, podFiles, wish, clock, random, log } = wiring
  const open = async (key: string): Promise<SecretContents | undefined> => {
    const sealed = wish()?.secrets.get(key)
    const [namespace = '', name = ''] = key.split('/')
    return sealed && openSecret(sealed, { namespace, name, privateKey: identity.privateKeyPem() })
  }
  const tokens = new ServiceAccountTokens({
    ask: ({ audience, ...want }, signal) => api.token({ ...want, ...(audience !== undefined && { audience }) }, signal),
    onToken: wiring.onToken,
    onMissing: wiring.onMissingToken,
    clock,
    random,
    log,
  })
  const stopListening = bus.onConnect(() => tokens.retry())
  const run = createCommandRunner({ clock })
  const volumes = new PodVolumes({
    memoryDirectory: `${memoryDirectory}/${identity.cluster}`,
    diskDirectory: podFiles,
    objects: {
      configMap: key => wish()?.configMaps.get(key),
      secret: key => wish()?.secrets.get(key),
      open,
      rootCertificate: () => identity.ca,
    },
    tokens,
    run: (command, args) => run([command, ...args]),
    random,
    log,
  })
  const stop = (): void => {
    stopListening()
    tokens.stop()
  }
  return { volumes, openSecret: open, stop }
}
