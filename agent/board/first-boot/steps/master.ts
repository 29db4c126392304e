/** Starts the master of a new cluster on a board whose card says so. */
import { sleep } from '../../../../kit/clock.ts'
import { CodedError } from '../../../../kit/errors.ts'
import { runOrFail } from '../../run-program.ts'
import type { Step } from '../context.ts'

/** The way in of the cluster's first user, made at the master's first start. */
export const adminPath = '/var/lib/flotilla/master/admin.yaml'
const patienceMs = 120_000
const lookEveryMs = 1000

export const masterStep: Step = {
  name: 'master',
  title: 'starting the master of the cluster',
  appliesTo: ({ settings }) => settings.role === 'master',
  async run({ disk, run, clock, signal }) {
    await runOrFail(run, ['systemctl', 'enable', 'flotilla-master.service'])
    await runOrFail(run, ['systemctl', 'start', '--no-block', 'flotilla-master.service'])
    const untilMs = clock.monotonic() + patienceMs
    while ((await disk.read(adminPath)) === undefined) {
      if (clock.monotonic() > untilMs) {
        const why = `it has not made ${adminPath} in ${patienceMs / 1000} s: see journalctl -u flotilla-master`
        throw new CodedError('Timeout', `cannot start the master: because ${why}`)
      }
      await sleep(clock, lookEveryMs, signal)
    }
  },
}
