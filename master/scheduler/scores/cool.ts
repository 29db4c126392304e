/** Cooler boards first, so that a board is avoided long before it is too hot to take pods at all. */
import { tooHotCelsius } from '../filters/temperature.ts'
import { neutralScore, type Score, scoreOf } from './score.ts'

/** Below this, colder is no better. */
const coolCelsius = 40

export const cool: Score = (_candidate, { usage }) =>
  usage?.temperatureCelsius === undefined
    ? neutralScore
    : scoreOf((tooHotCelsius - usage.temperatureCelsius) / (tooHotCelsius - coolCelsius))
