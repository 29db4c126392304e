/** Reads a command's options by type; what is no number where one belongs is a wrong use of the command. */
import type { Input } from '../kit/command-line.ts'
import { parseDuration } from './durations.ts'
import { UsageError } from './usage-error.ts'

export interface Options {
  text(name: string): string | undefined
  flag(name: string): boolean
  /** `--no-headers` is read as `headers` being off. */
  isOff(name: string): boolean
  list(name: string): string[]
  /** A whole number, zero or more. */
  number(name: string): number | undefined
  /** Milliseconds, of `90s` or `5m`. */
  duration(name: string): number | undefined
}

export function readOptions({ options }: Pick<Input, 'options'>): Options {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    text,
    flag: name => options[name] === true || options[name] === 'true',
    isOff: name => options[name] === false,
    list(name) {
      const value = options[name]
      if (Array.isArray(value)) return value
      return typeof value === 'string' ? [value] : []
    },
    number(name) {
      const value = text(name)
      if (value === undefined) return undefined
      if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${dashed(name)} must be a whole number, not "${value}"`)
      return Number(value)
    },
    duration(name) {
      const value = text(name)
      return value === undefined ? undefined : parseDuration(value, `--${dashed(name)}`)
    },
  }
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}
