/**
 * A process that commits until it is killed, or until its store fails (exit status 3): `committer.ts DIRECTORY PREFIX`.
 * Each line that it writes is one acknowledged commit: `durable|visible KEY REVISION`.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../kit/clock.ts'
import { hasCode } from '../../../kit/errors.ts'
import { silentLog } from '../../../kit/log.ts'
import { openLevelStore } from '../../../master/store/level-store.ts'

const [directory = '', prefix = ''] = process.argv.slice(2)
const callers = 8

let failed = false
const onFailure = (): void => {
  failed = true
}
const store = await openLevelStore({ directory, clock: systemClock, log: silentLog, onFailure })

async function commitForever(caller: number): Promise<void> {
  for (let n = 0; !failed; n++) {
    const durable = n % 4 !== 3
    const key = `${prefix}/${caller}/${n}`
    const revision = await store.commit([{ type: 'put', key, value: { text: 'x'.repeat(200) } }], { durable })
    writeSync(1, `${durable ? 'durable' : 'visible'} ${key} ${revision}\n`)
  }
}

await Promise.allSettled(Array.from({ length: callers }, (_, caller) => commitForever(caller)))
// The disk has room for this one; a store that has failed must not take it.
const outcome = await store.commit([{ type: 'put', key: 'after', value: {} }]).catch(error => error)
await store.close()
process.exitCode = hasCode(outcome, 'ServiceUnavailable') && failed ? 3 : 4
