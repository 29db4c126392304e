/** What the kernel's error numbers mean for somebody who holds a card. */
import { CodedError, type ErrorCode, messageOf } from '../../../kit/errors.ts'

interface Meaning {
  code: ErrorCode
  why: string
}

const gone = 'it does not answer any more: was it pulled out, or is it broken?'

const meanings: Record<string, Meaning> = {
  EIO: { code: 'ServiceUnavailable', why: gone },
  ENXIO: { code: 'ServiceUnavailable', why: gone },
  ENODEV: { code: 'ServiceUnavailable', why: gone },
  ENOENT: { code: 'NotFound', why: 'there is no such drive or file' },
  ENOMEDIUM: { code: 'ServiceUnavailable', why: 'there is no card in it' },
  EREMOTEIO: { code: 'ServiceUnavailable', why: gone },
  ETIMEDOUT: { code: 'ServiceUnavailable', why: gone },
  ENOSPC: { code: 'ServiceUnavailable', why: 'there is no more room' },
  EDQUOT: { code: 'ServiceUnavailable', why: 'your quota is used up' },
  EFBIG: { code: 'ServiceUnavailable', why: 'the file system there takes no file so large' },
  EBUSY: { code: 'Conflict', why: 'it is in use (mounted, or another flash writes to it): `lsblk` shows by what' },
  EACCES: { code: 'Forbidden', why: 'you may not: try sudo' },
  EPERM: { code: 'Forbidden', why: 'you may not: try sudo' },
  EROFS: { code: 'Forbidden', why: 'it is read-only: an SD card or its adapter has a switch on its side' },
}

/** "cannot write to /dev/sdb: because it does not answer any more (EIO) …". */
export function diskError(doing: string, path: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error
  const number = (error as NodeJS.ErrnoException).code ?? ''
  const { code, why } = meanings[number] ?? { code: 'InternalError' as const, why: messageOf(error) }
  const shown = number in meanings ? why.replace(/(:|$)/, ` (${number})$1`) : why
  return new CodedError(code, `cannot ${doing} ${path}: because ${shown}`, { cause: error })
}
