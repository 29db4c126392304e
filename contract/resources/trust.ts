/** flotilla.dev/v1: who belongs to the cluster. No object holds a secret: only its SHA-256, or a public key. */
import type { KubernetesObject } from './meta.ts'

export const flotillaGroup = 'flotilla.dev'
export const trustApiVersion = 'flotilla.dev/v1'

/** Lets a board join. Its name is the id of the token. */
export interface JoinToken extends KubernetesObject {
  apiVersion: typeof trustApiVersion
  kind: 'JoinToken'
  spec: {
    /** SHA-256 of the whole token, hexadecimal. */
    tokenHash: string
    /** RFC 3339. */
    expirationTimestamp: string
    /** How many boards may join by it. */
    uses: number
    /** Only a board of this name; then it may take the place of one of that name that is silent. */
    nodeName?: string
  }
  status?: {
    used?: Array<{ nodeName: string; publicKeyHash: string; time: string }>
  }
}

/** The key that a node's certificates are for; the node is who has it. Its name is the node's. */
export interface NodeIdentity extends KubernetesObject {
  apiVersion: typeof trustApiVersion
  kind: 'NodeIdentity'
  spec: {
    /** SPKI in DER, base64: the key of its certificates, which secrets are sealed for as well. */
    publicKey: string
    /** Cut off, for good: only a new key, by a new join token, lets the name in again. */
    revoked?: boolean
  }
  status?: {
    /** Of the newest certificate. */
    serialNumber?: string
    notAfter?: string
    joinedAt?: string
  }
}

/** A person, a script, or a tool that listens. Its name is the username (for a tool, what follows `system:tool:`). */
export interface User extends KubernetesObject {
  apiVersion: typeof trustApiVersion
  kind: 'User'
  spec: {
    /** A tool only hears which boards are there. Default false. */
    tool?: boolean
    groups?: string[]
    /** Certificates and tokens issued before this are worth nothing (RFC 3339). */
    validAfter?: string
    revoked?: boolean
  }
  status?: {
    /** Of the newest certificate. */
    serialNumber?: string
    notAfter?: string
  }
}
