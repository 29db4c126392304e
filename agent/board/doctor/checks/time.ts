/** The clock: right, kept right, and kept while the power is off. */
import { plausibleMs } from '../../plausible-time.ts'
import type { BoardView } from '../board-view.ts'
import { defineCheck, type Finding, ok } from '../check.ts'

interface Facts {
  nowMs: number
  /** Undefined: there is no timedatectl. */
  isSynchronized: boolean | undefined
  hasRtc: boolean
}

export const timeCheck = defineCheck('clock', observe, judge)

async function observe(view: BoardView): Promise<Facts> {
  const { status, stdout } = await view.run(['timedatectl', 'show', '--property=NTPSynchronized', '--value'])
  return {
    nowMs: view.nowMs(),
    isSynchronized: status === 0 ? stdout.trim() === 'yes' : undefined,
    hasRtc: (await view.list('/sys/class/rtc')).length > 0,
  }
}

function judge({ nowMs, isSynchronized, hasRtc }: Facts): Finding {
  const now = new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ')
  const rtc = hasRtc ? '' : ', and no clock that runs without power'
  const turnOn = ['timedatectl', 'set-ntp', 'true']
  if (nowMs < plausibleMs)
    return {
      level: 'warning',
      found: `${now} UTC${rtc}`,
      why: 'joining works, but images come from registries whose certificates are checked by this clock',
      fix: `${turnOn.join(' ')}, and let the board reach a time server (UDP port 123)`,
      repairs: [{ do: 'run', argv: turnOn }],
    }
  if (isSynchronized === true) return ok(`${now} UTC, synchronised${rtc}`)
  return {
    level: 'warning',
    found: `${now} UTC, ${isSynchronized === undefined ? 'kept right by no program that we know' : 'not synchronised'}${rtc}`,
    why: 'a clock that drifts or begins in the past makes logs and certificates hard to trust',
    fix: isSynchronized === undefined ? 'apt-get install systemd-timesyncd, or chrony' : turnOn.join(' '),
    ...(isSynchronized === false && { repairs: [{ do: 'run', argv: turnOn }] }),
  }
}
