/** One line of an authorized_keys file: what may be put on a card, and what must not. */
import { breaksLines } from './wifi-key.ts'

const types = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-rsa',
]
const lineShape = /^(\S+) ([A-Za-z0-9+/]+={0,2})(?: .*)?$/u
/** A key of RSA with 16384 bits has 2.8 KB. */
export const maxSshKeyLength = 4096

/** What is wrong with the line; undefined when nothing is. A private key is never repeated. */
export function checkSshKey(line: string): string | undefined {
  if (/PRIVATE KEY/.test(line))
    return 'this is a private key, which must stay where it is: give the file that ends in .pub'
  if (line.length > maxSshKeyLength) return `it is longer than ${maxSshKeyLength} characters`
  const [, type = '', body = ''] = lineShape.exec(line) ?? []
  if (type === 'ssh-dss')
    return 'keys of the type ssh-dss are no longer accepted by sshd: make one with ssh-keygen -t ed25519'
  if (breaksLines(line) || !types.includes(type))
    return 'it is no public key of ssh: it must begin with ssh-ed25519, ssh-rsa, ecdsa-sha2-… or sk-…'
  // RFC 4253, 6.6: the key itself begins with its type again, so that a cut or misplaced one shows.
  const blob = Buffer.from(body, 'base64')
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0
  const isWhole = blob.length > 4 + length && blob.toString('latin1', 4, 4 + length) === type
  return isWhole ? undefined : 'the key in it is not whole: copy the whole line of the .pub file'
}
