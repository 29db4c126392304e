/** Field paths as people read them, such as `spec.ports[0].port`, and the way back to their steps. */

export type FieldStep = string | number

/** No name of a field or key that is allowed is longer (a qualified one: a domain, a slash, a label). */
const maxStepLength = 320

/** `metadata.labels["app.io/name"]`: keys with dots and other signs stand in brackets, quoted. */
export function joinPath(base: string, step: FieldStep): string {
  if (typeof step === 'number') return `${base}[${step}]`
  if (step.length > maxStepLength) return joinPath(base, `${step.slice(0, maxStepLength - 1)}…`)
  if (!/^[\w-]+$/.test(step)) return `${base}[${JSON.stringify(step)}]`
  return base === '' ? step : `${base}.${step}`
}

/** The steps of a path that `joinPath` made. */
export function parsePath(path: string): FieldStep[] {
  return Array.from(path.matchAll(/\[(\d+)\]|\[("(?:\\.|[^"\\])*")\]|([\w-]+)/g), ([, index, quoted, plain = '']) => {
    if (index !== undefined) return Number(index)
    return quoted === undefined ? plain : (JSON.parse(quoted) as string)
  })
}
