import test from 'ava'
import { describeRollout, type RolloutState } from '../../cli/rollout-status.ts'
import type { Deployment, DeploymentStatus } from '../../contract/resources/workloads.ts'

const deployment = (status: DeploymentStatus, generation = 2): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', generation },
  spec: { replicas: 3, selector: {}, template: { spec: { containers: [] } } },
  status,
})

const seen = { observedGeneration: 2 }
const cases: Array<[status: DeploymentStatus, state: RolloutState, message: RegExp]> = [
  [{ observedGeneration: 1, updatedReplicas: 3, availableReplicas: 3 }, 'waiting', /spec update to be observed/],
  [{ ...seen, updatedReplicas: 1 }, 'waiting', /1 out of 3 new replicas have been updated/],
  [{ ...seen, updatedReplicas: 3, replicas: 4 }, 'waiting', /1 old replicas are pending termination/],
  [
    { ...seen, updatedReplicas: 3, replicas: 3, availableReplicas: 2 },
    'waiting',
    /2 of 3 updated replicas are available/,
  ],
  [
    { ...seen, updatedReplicas: 3, replicas: 3, availableReplicas: 3 },
    'done',
    /deployment "web" successfully rolled out/,
  ],
  [
    { ...seen, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] },
    'failed',
    /exceeded its progress deadline/,
  ],
]

for (const [status, state, message] of cases)
  test(`a rollout with ${JSON.stringify(status)} is ${state}`, t => {
    const found = describeRollout(deployment(status))
    t.is(found.state, state)
    t.regex(found.message, message)
  })
