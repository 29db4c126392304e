/** Quantities as Kubernetes writes them (apimachinery `resource.Quantity`): `250m`, `64Mi`, `1.5`, `1e3`. */
import { CodedError } from '../../kit/errors.ts'

/** Longest text that is a quantity at all: keeps the arithmetic below small. */
const maxQuantityLength = 64
/** Kubernetes holds quantities in 64 bits at scales from nano to exa; larger exponents have no meaning. */
const maxExponent = 18

const grammar = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3})?$/
const binaryUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']
const decimalUnits = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E']
const nano = 1_000_000_000n

type Family = 'binary' | 'decimal' | 'exponent'

/** Exact: billionths of the base unit. Anything finer is rounded away from zero, as Kubernetes does. */
interface Quantity {
  nanos: bigint
  family: Family
}

/** In base units: cores, bytes, pods. Throws `Invalid`. */
export function parseQuantity(text: string): number {
  return numberOf(readQuantity(text).nanos)
}

export function isQuantity(text: string): boolean {
  return read(text) !== undefined
}

/** Thousandths of a core, rounded up. Throws `Invalid`. */
export function milliCpu(text: string): number {
  return Number(divideUp(readQuantity(text).nanos, nano / 1000n))
}

/** Whole bytes, rounded up. Throws `Invalid`. */
export function bytesOf(text: string): number {
  return Number(divideUp(readQuantity(text).nanos, nano))
}

/** Negative, zero or positive, as `left` is less than, equal to or more than `right`; exact. Throws `Invalid`. */
export function compareQuantities(left: string, right: string): number {
  const difference = readQuantity(left).nanos - readQuantity(right).nanos
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The one spelling that Kubernetes answers with: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`. Throws `Invalid`. */
export function canonicalQuantity(text: string): string {
  const { nanos, family } = readQuantity(text)
  const isSmall = nanos > -1024n * nano && nanos < 1024n * nano
  if (family === 'binary' && !isSmall && nanos % nano === 0n) return withUnits(nanos / nano, 1024n, binaryUnits)
  if (family !== 'exponent') return withUnits(nanos, 1000n, decimalUnits)
  const [digits, steps] = withoutFactors(nanos, 1000n, decimalUnits.length - 1)
  return steps === 3 || nanos === 0n ? `${digits}` : `${digits}e${steps * 3 - 9}`
}

/** `250m`, `2`. */
export function formatCpu(millis: number): string {
  return withUnits(BigInt(Math.ceil(millis)) * (nano / 1000n), 1000n, decimalUnits)
}

/** In the largest of Ki, Mi, Gi … that loses nothing: `512Mi`, `3884Ki`, `1000`. */
export function formatBytes(bytes: number): string {
  return withUnits(BigInt(Math.ceil(bytes)), 1024n, binaryUnits)
}

function readQuantity(text: string): Quantity {
  const quantity = read(text)
  if (quantity !== undefined) return quantity
  const shown = JSON.stringify(text.slice(0, maxQuantityLength))
  throw new CodedError('Invalid', `cannot read quantity ${shown}: because it is not a number such as 250m, 1.5 or 64Mi`)
}

function read(text: string): Quantity | undefined {
  const match = text.length <= maxQuantityLength ? grammar.exec(text) : null
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match
  if (whole === '' && fraction === '') return undefined
  const scale = scaleOf(suffix)
  if (scale === undefined) return undefined
  // digits × factor ÷ 10^(decimals): kept as one fraction so that nothing is rounded twice.
  const digits = BigInt(whole + fraction) * scale.numerator * nano
  const magnitude = divideUp(digits, scale.denominator * 10n ** BigInt(fraction.length))
  return { nanos: sign === '-' ? -magnitude : magnitude, family: scale.family }
}

function scaleOf(suffix: string): { numerator: bigint; denominator: bigint; family: Family } | undefined {
  const binary = suffix === '' ? -1 : binaryUnits.indexOf(suffix)
  if (binary > 0) return { numerator: 1024n ** BigInt(binary), denominator: 1n, family: 'binary' }
  const unit = decimalUnits.indexOf(suffix)
  const exponent = unit >= 0 ? unit * 3 - 9 : Number(suffix.slice(1))
  if (Math.abs(exponent) > maxExponent) return undefined
  const power = 10n ** BigInt(Math.abs(exponent))
  const family = unit >= 0 ? 'decimal' : 'exponent'
  return exponent >= 0 ? { numerator: power, denominator: 1n, family } : { numerator: 1n, denominator: power, family }
}

function withUnits(value: bigint, base: bigint, units: readonly string[]): string {
  if (value === 0n) return '0'
  const [digits, steps] = withoutFactors(value, base, units.length - 1)
  return `${digits}${units[steps]}`
}

function withoutFactors(value: bigint, base: bigint, maxSteps: number): [digits: bigint, steps: number] {
  let [digits, steps] = [value, 0]
  while (digits !== 0n && steps < maxSteps && digits % base === 0n) {
    digits /= base
    steps += 1
  }
  return [digits, steps]
}

function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value > 0n && value % divisor !== 0n ? quotient + 1n : quotient
}

function numberOf(nanos: bigint): number {
  return Number(nanos / nano) + Number(nanos % nano) / Number(nano)
}
