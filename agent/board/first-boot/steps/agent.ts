/** Starts the agent, now and at every start of the board. */
import { runOrFail } from '../../run-program.ts'
import type { Step } from '../context.ts'

export const agentStep: Step = {
  name: 'agent',
  title: 'starting the agent',
  async run({ run }) {
    await runOrFail(run, ['systemctl', 'enable', 'flotilla-agent.service'])
    // Not waited for: it may be ordered after the very unit that runs this.
    await runOrFail(run, ['systemctl', 'start', '--no-block', 'flotilla-agent.service'])
  },
}
