/** How hot the board is: from 80 °C on a Raspberry Pi slows down, and the scheduler sends it no new pods. */
import { defineCheck, ok } from '../check.ts'

const hotCelsius = 80
const warmCelsius = 70

export const temperatureCheck = defineCheck<number | undefined>(
  'temperature',
  async view => {
    const zones = (await view.list('/sys/class/thermal')).filter(name => name.startsWith('thermal_zone'))
    const texts = await Promise.all(zones.map(zone => view.read(`/sys/class/thermal/${zone}/temp`)))
    const celsius = texts.flatMap(text => (text === undefined || text.trim() === '' ? [] : [Number(text) / 1000]))
    return celsius.length === 0 ? undefined : Math.max(...celsius)
  },
  celsius => {
    if (celsius === undefined) return ok('this board has no sensor')
    const found = `${Math.round(celsius)} °C`
    if (celsius < warmCelsius) return ok(found)
    const why =
      celsius < hotCelsius
        ? `at ${hotCelsius} °C it slows down and gets no new pods`
        : 'it slows down, and gets no new pods until it has cooled'
    return { level: 'warning', found, why, fix: 'a heat sink or a fan; more room around the board' }
  },
)
