/** What a Secret is made of what was written: plain texts become data, and its type is Opaque unless it says so itself. */
import { type Fields, fill, isFields } from './fields.ts'

/** `stringData` is write-only and wins over `data` (core/v1 `Convert_v1_Secret_To_core_Secret`). */
export function defaultSecret({ stringData, ...given }: Fields): Fields {
  const secret = fill(given, { type: 'Opaque' })
  if (!isFields(stringData)) return secret
  const texts = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')])
  if (texts.length === 0) return secret
  return { ...secret, data: { ...(isFields(given['data']) && given['data']), ...Object.fromEntries(texts) } }
}
