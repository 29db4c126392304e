/** A board that is too hot takes no new pods until it has cooled; those it runs stay. */
import type { Filter } from './filter.ts'

/** Where a Raspberry Pi starts to slow itself down (its documentation: "soft" throttling from 80 °C). */
export const tooHotCelsius = 80

export const temperature: Filter = (_candidate, { usage }) =>
  usage?.temperatureCelsius !== undefined && usage.temperatureCelsius >= tooHotCelsius
    ? `node(s) were at ${tooHotCelsius} °C or hotter`
    : undefined
