/** Sizes as they are printed on cards: powers of ten. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `31.9 GB`, `512 MB`. */
export function formatSize(bytes: number): string {
  const digits = bytes < 1000 ? 0 : 1
  for (let value = bytes, unit = 0; ; value /= 1000, unit++) {
    // What would be rounded to 1000 is 1.0 of the next.
    if (value >= 999.5 && unit < units.length - 1) continue
    return `${value >= 99.95 ? Math.round(value) : value.toFixed(digits)} ${units[unit]}`
  }
}
