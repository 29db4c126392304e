/** What a board must live through, told as steps: each does one thing to it, and fails unless it sees what must come of it. */
import { existsSync, truncateSync } from 'node:fs'
import { resolve } from 'node:path'
import { onBoot } from '../../contract/card/card-places.ts'
import { isPodReady } from '../../contract/resources/pods.ts'
import { formatToken, parseTicket } from '../../contract/wire/join.ts'
import { bootPartition, isAnywhere, readBootFile } from './boot-files.ts'
import { findFaults } from './card-faults.ts'
import { cutFirstStart, cutPoints } from './first-start-cuts.ts'
import type { MachineKind } from './machines.ts'
import type { Rig, Step } from './rig.ts'
import { onBoard } from './shell.ts'

/** A power of two, as SD cards in QEMU must be; most of it is a hole in the file. */
export const cardBytes = 4 * 2 ** 30
const manifest = resolve(import.meta.dirname, 'hello.yaml')

export const flash: Step = {
  title: 'flotilla flash writes a card',
  async run(rig) {
    const { image } = rig
    if (!existsSync(image)) throw new Error(`${image} is not there: make it with ./build.sh images`)
    rig.makeSshKey()
    const about = [
      '--image',
      image,
      '--board',
      rig.kind.board,
      '--hostname',
      rig.node,
      '--ssh-key',
      `${rig.sshKey}.pub`,
    ]
    await rig.master.run('flash', rig.card, ...about, '--yes')
    truncateSync(rig.card, cardBytes)
    const line = readBootFile(bootPartition(rig.card), onBoot.join)
    if (!line?.startsWith('flotilla://')) throw new Error('there is no join line on the card')
    rig.secret = formatToken(parseTicket(line).token)
  },
}

const firstStart: Step = {
  title: 'it starts, and joins over TLS by the token on its card',
  async run(rig) {
    await rig.powerOn('first start')
    await rig.until('hello', () => rig.saysHello())
    await rig.until('ready', () => rig.isReady())
  },
}

const forgotten: Step = {
  title: 'the join line is gone from the card, wherever one looks on it',
  async run(rig) {
    await rig.waitFor('a card without a join line', async () => {
      return readBootFile(bootPartition(rig.card), onBoot.join) === undefined
    })
    if (isAnywhere(rig.card, rig.secret)) throw new Error('the secret of the join line can still be read from the card')
  },
}

const apply: Step = {
  title: 'a pod is on its way to the board when the power is cut',
  async run(rig) {
    await rig.master.run('apply', '-f', manifest)
    await rig.waitFor('a pod that is bound to the board', async () => {
      return (await rig.pods()).some(({ spec }) => spec.nodeName === rig.node)
    })
    await rig.cut()
  },
}

const serve: Step = {
  title: 'it comes back, runs the pod, and its Service answers',
  async run(rig) {
    await rig.powerOn('after a cut in the start of a pod')
    await rig.until('hello', () => rig.saysHello())
    await rig.until('ready', () => rig.isReady())
    await podServes(rig)
  },
}

const exec: Step = {
  title: 'flotilla exec and logs reach into the pod',
  async run(rig) {
    const said = await rig.master.run('exec', 'deployment/hello', '--', 'hostname')
    const [pod] = await rig.pods()
    rig.pod = pod?.metadata.name ?? ''
    if (said.trim() !== pod?.metadata.name)
      throw new Error(`exec says ${said.trim()}, and the pod is ${pod?.metadata.name}`)
  },
}

/** Asked on the board itself: a pod has another address after a start, and the master tells the Service. Prints the pod's name. */
const askPods = `for address in $(ls /var/lib/cni/networks/flotilla | grep '^10[.]'); do
  busybox wget -q -T 3 -O - http://$address:8080/ && exit 0; done; exit 1`

const alone: Step = {
  title: 'cut in steady state, with the master gone as well: it runs its pod by itself',
  async run(rig) {
    await rig.master.kill()
    await rig.cut()
    await rig.powerOn('after a cut, without a master')
    await rig.until('running', async () => (await onBoard(rig, askPods))?.trim() === rig.pod)
  },
}

const together: Step = {
  title: 'the master comes back: the board is Ready, its pod is the one it was, and the Service answers',
  async run(rig) {
    await rig.master.start()
    await rig.until('hello', () => rig.saysHello())
    await rig.until('ready', () => rig.isReady())
    await rig.until('answers', async () => (await rig.ask()) === rig.pod)
  },
}

const lost: Step = {
  title: 'cut in steady state, and the master sees it: it comes back',
  async run(rig) {
    await rig.cut()
    await waitUntilLost(rig)
    await rig.powerOn('after a cut that the master saw')
    await rig.until('hello', () => rig.saysHello())
    await rig.until('ready', () => rig.isReady())
    await podServes(rig)
  },
}

const off: Step = {
  title: 'switched off by its button, it leaves a card without a fault',
  async run(rig) {
    await rig.shutDown()
    const faults = findFaults(rig.card)
    if (faults.length > 0) throw new Error(`the card is not as it should be: ${faults.join('; ')}`)
  },
}

export interface LifeOptions {
  /** Cut at every point of the first start, not only where most is at stake. */
  everyCut: boolean
  seed: number
}

/** QEMU's Pi is slow: its join is proven, and what comes after it on the machines that are quick. */
export function lifeOf({ name }: MachineKind, { everyCut, seed }: LifeOptions): Step[] {
  if (name === 'raspi3b') return [flash, firstStart, forgotten]
  const cuts = everyCut ? cutPoints.map(point => point.name) : name === 'amd64' ? ['formatting', 'joining'] : []
  const cut = cuts.length > 0 ? [cutFirstStart(cuts, seed)] : []
  // The same again with the master watching: where there is time for it.
  const seen = everyCut ? [lost] : []
  return [flash, ...cut, firstStart, forgotten, apply, serve, exec, alone, together, ...seen, off]
}

async function podServes(rig: Rig): Promise<void> {
  await rig.until('running', async () =>
    (await rig.pods()).some(pod => pod.spec.nodeName === rig.node && isPodReady(pod)),
  )
  await rig.until('answers', async () => (await rig.ask()) !== undefined)
}

async function waitUntilLost(rig: Rig): Promise<void> {
  const deadline = performance.now() + 60_000
  while (await rig.isReady()) {
    if (performance.now() > deadline) throw new Error('the master did not see in 60 s that the board is off')
  }
}
