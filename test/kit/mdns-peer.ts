/** A machine on a test's network: `announce INSTANCE PORT`, until it is told to end; or `browse`, which prints what it found as JSON. */
import { systemClock } from '../../kit/clock.ts'
import { createLog } from '../../kit/log.ts'
import { ServiceAnnouncer } from '../../kit/mdns-announcer.ts'
import { browseServices } from '../../kit/mdns-browser.ts'
import { untilSignalled } from '../../kit/process.ts'

const type = '_flotilla._tcp'
const [verb, instance = 'home', port = '8883'] = process.argv.slice(2)

if (verb === 'browse') {
  process.stdout.write(JSON.stringify(await browseServices({ type, clock: systemClock, durationMs: 1200 })))
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
