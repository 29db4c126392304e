/** Whether the supply holds: a Raspberry Pi tells when its voltage falls below 4.63 V, and what it does then. */
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'

/** vcgencmd get_throttled (Raspberry Pi documentation): the low half is now, the same bits 16 higher are since the start. */
const bits = { underVoltage: 0, capped: 1, throttled: 2, softLimit: 3 }

interface Facts {
  /** From the kernel's sensor; undefined where there is none. */
  alarm: boolean | undefined
  /** From the firmware. */
  flags: number | undefined
}

export const powerCheck = defineCheck('power', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const { status, stdout } = await view.run(['vcgencmd', 'get_throttled'])
  const flags = status === 0 ? /throttled=(0x[0-9a-f]+)/.exec(stdout)?.[1] : undefined
  return { alarm: await alarmOf(view), flags: flags === undefined ? undefined : Number(flags) }
}

function judge({ alarm, flags }: Facts): Finding {
  const has = (bit: number): boolean => ((flags ?? 0) & (1 << bit)) !== 0
  const supply = 'use the supply that came with the board, a short cable, and take power-hungry USB devices off'
  const slow = 'the board runs slowly, and its card may lose what is being written'
  if (alarm === true || has(bits.underVoltage))
    return { level: 'warning', found: 'too little voltage', why: slow, fix: supply }
  if (has(bits.throttled) || has(bits.capped) || has(bits.softLimit))
    return {
      level: 'warning',
      found: 'slowed down by heat',
      why: 'pods get less than they ask for',
      fix: 'cool the board',
    }
  if (has(bits.underVoltage + 16))
    return { level: 'warning', found: 'too little voltage since the last start', why: slow, fix: supply }
  return ok(alarm === undefined && flags === undefined ? 'this board does not tell' : 'enough')
}

/** drivers/hwmon/raspberrypi-hwmon.c: 1 when the firmware said so since the last look. */
async function alarmOf(view: BoardView): Promise<boolean | undefined> {
  for (const name of await view.list('/sys/class/hwmon')) {
    const directory = `/sys/class/hwmon/${name}`
    if ((await view.read(`${directory}/name`))?.trim() !== 'rpi_volt') continue
    const value = await view.read(`${directory}/in0_lcrit_alarm`)
    if (value !== undefined) return value.trim() === '1'
  }
  return undefined
}
