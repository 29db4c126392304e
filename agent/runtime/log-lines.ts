/** CRI's log format (kubernetes `design-proposals/kubelet-cri-logging.md`): `<RFC 3339 nanos> <stdout|stderr> <tags> <text>`. */

export interface LogLine {
  timestamp: string
  stream: 'stdout' | 'stderr'
  /** True for a piece of a longer line, which goes on in the next record of the same stream. */
  partial: boolean
  text: Buffer
}

export const newline = 0x0a
const space = 0x20

/** Takes one record without its line end. Undefined when it is not in the format. */
export function parseLogLine(record: Buffer): LogLine | undefined {
  const first = record.indexOf(space)
  const second = record.indexOf(space, first + 1)
  const third = record.indexOf(space, second + 1)
  if (first < 0 || second < 0) return undefined
  // An empty line may come without the space that ends its tag.
  const tagEnd = third < 0 ? record.length : third
  const stream = record.toString('latin1', first + 1, second)
  const [tag] = record.toString('latin1', second + 1, tagEnd).split(':')
  if ((stream !== 'stdout' && stream !== 'stderr') || (tag !== 'P' && tag !== 'F')) return undefined
  return {
    timestamp: record.toString('latin1', 0, first),
    stream,
    partial: tag === 'P',
    text: record.subarray(Math.min(tagEnd + 1, record.length)),
  }
}
