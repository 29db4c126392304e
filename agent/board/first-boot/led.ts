/** The board's LED: how the first start goes, for a board without a screen. */
import type { Cancel, Clock } from '../../../kit/clock.ts'
import type { Disk } from '../disk.ts'

export type LedSign = 'working' | 'done' | { blinks: number }

/** On and off, in ms, over and over. */
export type LedPattern = Array<{ isOn: boolean; ms: number }>

const slow: LedPattern = [
  { isOn: true, ms: 900 },
  { isOn: false, ms: 900 },
]
const blinkMs = 200
const pauseMs = 1600

/** Undefined: simply on. */
export function patternOf(sign: LedSign): LedPattern | undefined {
  if (sign === 'done') return undefined
  if (sign === 'working') return slow
  const blinks = Array.from({ length: sign.blinks }, () => [
    { isOn: true, ms: blinkMs },
    { isOn: false, ms: blinkMs },
  ]).flat()
  return [...blinks, { isOn: false, ms: pauseMs }]
}

/** A board without any of the LEDs shows nothing, and nothing is wrong with that. */
export class Led {
  #disk: Disk
  #clock: Clock
  #names: string[]
  #directory: string | undefined
  #cancel: Cancel = () => undefined
  #shown = ''

  /** `names`: below /sys/class/leds, the first that exists. */
  constructor({ disk, clock, names }: { disk: Disk; clock: Clock; names: string[] }) {
    this.#disk = disk
    this.#clock = clock
    this.#names = names
  }

  async show(sign: LedSign): Promise<void> {
    const wanted = JSON.stringify(sign)
    if (wanted === this.#shown) return
    this.#shown = wanted
    this.#cancel()
    this.#directory ??= await this.#find()
    if (this.#directory === undefined) return
    // Else the card's own traffic goes on making it flicker.
    await this.#write('trigger', 'none')
    const pattern = patternOf(sign)
    if (pattern) this.#play(pattern, 0)
    else await this.#write('brightness', '1')
  }

  stop(): void {
    this.#cancel()
  }

  #play(pattern: LedPattern, index: number): void {
    const beat = pattern[index % pattern.length]
    if (!beat) return
    void this.#write('brightness', beat.isOn ? '1' : '0')
    this.#cancel = this.#clock.after(beat.ms, () => this.#play(pattern, (index + 1) % pattern.length))
  }

  async #find(): Promise<string | undefined> {
    const there = await this.#disk.list('/sys/class/leds')
    const name = this.#names.find(wanted => there.includes(wanted))
    return name === undefined ? undefined : `/sys/class/leds/${name}`
  }

  async #write(file: string, text: string): Promise<void> {
    // An LED that takes nothing is no reason to stop.
    await this.#disk.poke(`${this.#directory}/${file}`, text).catch(() => undefined)
  }
}
