/** gzip as Debian wants it for man pages and papers (debian-policy 12.1, 12.7): `gzip -9n`. */
import { gzipSync } from 'node:zlib'

/** Neither name nor time in it: the same content gives the same bytes. */
export function compress(content: Buffer | string): Buffer {
  return gzipSync(content, { level: 9 })
}
