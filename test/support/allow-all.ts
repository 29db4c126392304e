/** A Policy for tests that are not about who may what: whoever connects is the master. */
import type { Policy } from '../../master/broker/policy.ts'

export const allowAll: Policy = {
  admit: async () => ({ identity: { kind: 'master' }, stillWelcome: () => undefined }),
}
