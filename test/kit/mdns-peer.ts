/**
 * A machine on a test's network: `announce INSTANCE PORT`, until it is told to end; `browse`, which prints what it found as JSON; or
 * `lie ADDRESS`, which answers every question from that address, whoever asks, and names addresses that it may not.
 */
import { createSocket } from 'node:dgram'
import { decode, encode } from 'dns-packet'
import { systemClock } from '../../kit/clock.ts'
import { createLog } from '../../kit/log.ts'
import { mdnsGroup, mdnsPort, renderAnswer } from '../../kit/mdns.ts'
import { ServiceAnnouncer } from '../../kit/mdns-announcer.ts'
import { browseServices } from '../../kit/mdns-browser.ts'
import { untilSignalled } from '../../kit/process.ts'

const type = '_flotilla._tcp'
const [verb, instance = 'home', port = '8883'] = process.argv.slice(2)

if (verb === 'browse') {
  process.stdout.write(JSON.stringify(await browseServices({ type, clock: systemClock, durationMs: 1200 })))
} else if (verb === 'lie') {
  const service = { type, instance: instance.replaceAll('.', '-'), port: 8883, txt: {} }
  const lie = decode(renderAnswer(service, '10.98.9.9'))
  for (const data of ['127.0.0.1', '0.0.0.0', mdnsGroup])
    lie.answers?.push({ type: 'A', name: `${service.instance}.local`, ttl: 9, data })
  const answers = createSocket('udp4').bind(0, instance)
  const ears = createSocket({ type: 'udp4', reuseAddr: true })
  ears.on('message', (_, from) => answers.send(encode(lie), from.port, from.address))
  ears.bind(mdnsPort, () => ears.addMembership(mdnsGroup, '10.98.1.1'))
  process.stdout.write('started\n')
  await untilSignalled()
  for (const socket of [answers, ears]) socket.close()
} else {
  const announcer = new ServiceAnnouncer({
    service: () => ({ type, instance, port: Number(port), txt: { cluster: 'home', ca: 'ab'.repeat(32) } }),
    clock: systemClock,
    log: createLog(),
    lookEveryMs: 200,
  })
  announcer.start()
  process.stdout.write('started\n')
  await untilSignalled()
  await announcer.stop()
}
