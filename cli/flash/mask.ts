/** Takes what is secret out of what is shown. */
import type { CardSettings } from '../../contract/card/card-settings.ts'
import { parseTicket } from '../../contract/wire/join.ts'

export const masked = '******'

/** What must not be seen of a card's settings. */
export function secretsOf({ wifi }: CardSettings): string[] {
  return wifi?.key === undefined ? [] : [wifi.key]
}

export function maskSecrets(text: string, secrets: string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, masked), text)
}

/** A file that is there already, of whoever made it: another card's key, or a passphrase beside the word that names it. */
export function maskUnknown(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/gi, masked)
    .replace(/\b(psk|pass(?:word|phrase|wd)?)(["']?[:=]\s*)\S.*$/gim, `$1$2${masked}`)
}

/** The join line without the token's secret, whose id stays: it names the token in "token list". Throws `BadRequest`. */
export function maskTicket(line: string): string {
  const { token } = parseTicket(line)
  return maskSecrets(line.trim(), [token.secret])
}
