/** The shapes of Flotilla's own kinds, in the table form of schema.ts. */
import type { SchemaTable } from './schema-table.ts'

export const ownSchema: SchemaTable = {
  kinds: {
    'flotilla.dev/v1 JoinToken': 'FlotillaJoinToken',
    'flotilla.dev/v1 NodeIdentity': 'FlotillaNodeIdentity',
    'flotilla.dev/v1 User': 'FlotillaUser',
  },
  types: {
    FlotillaJoinToken: object('FlotillaJoinTokenSpec!', 'FlotillaJoinTokenStatus'),
    FlotillaJoinTokenSpec: {
      tokenHash: 'string!',
      expirationTimestamp: 'time!',
      uses: 'int32!',
      nodeName: 'string',
    },
    FlotillaJoinTokenStatus: { used: '[]FlotillaJoinTokenUse' },
    FlotillaJoinTokenUse: { nodeName: 'string!', publicKeyHash: 'string!', time: 'time!' },
    FlotillaNodeIdentity: object('FlotillaNodeIdentitySpec!', 'FlotillaNodeIdentityStatus'),
    FlotillaNodeIdentitySpec: { publicKey: 'string!', revoked: 'boolean' },
    FlotillaNodeIdentityStatus: { serialNumber: 'string', notAfter: 'time', joinedAt: 'time' },
    FlotillaUser: object('FlotillaUserSpec!', 'FlotillaUserStatus'),
    FlotillaUserSpec: { tool: 'boolean', groups: '[]string', validAfter: 'time', revoked: 'boolean' },
    FlotillaUserStatus: { serialNumber: 'string', notAfter: 'time' },
  },
}

function object(spec: string, status: string): Record<string, string> {
  return { apiVersion: 'string', kind: 'string', metadata: 'V1ObjectMeta', spec, status }
}
