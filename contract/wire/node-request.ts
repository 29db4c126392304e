/** What the master asks of one node's agent on `nodes/<n>/requests`, and the frames of the streams that answer. */
import type { ExecOptions, LogOptions } from './api.ts'

/** The pod is named with its uid: an agent refuses to speak for a namesake. */
export interface PodTarget {
  namespace: string
  name: string
  uid: string
}

export type NodeRequest =
  /** Log lines as OutputFrames; the stream ends after the last one, or never when `follow`. */
  | { verb: 'logs'; pod: PodTarget; container: string; options: Omit<LogOptions, 'container'> }
  /** A process in the container: OutputFrames and one ExitFrame down, InputFrames up. */
  | { verb: 'exec'; pod: PodTarget; container: string; options: Omit<ExecOptions, 'container'> }
  /** Send a full report now. */
  | { verb: 'report' }

/** `stream: true` when a stream carries the rest; `report` is answered with `{}`. */
export interface NodeResponse {
  stream?: true
}

/** Downwards: bytes of the log or of the process, base64. With a tty everything is `stdout`. */
export interface OutputFrame {
  c: 'stdout' | 'stderr'
  d: string
}

/** Downwards, last of an exec: the process has ended, all of its output has been sent. */
export interface ExitFrame {
  exit: number
}

/** Upwards, for exec: bytes for stdin, its end, or the new size of the terminal. */
export type InputFrame =
  | { c: 'stdin'; d: string }
  | { c: 'stdin'; eof: true }
  | { resize: { columns: number; rows: number } }
