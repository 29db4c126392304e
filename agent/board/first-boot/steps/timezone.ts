/** Sets the time zone as the card says. */
import { putLink } from '../../disk.ts'
import type { Step } from '../context.ts'
import { cardUnreadable } from '../problem.ts'

const zones = '/usr/share/zoneinfo'

export const timezoneStep: Step = {
  name: 'timezone',
  title: 'setting the time zone',
  appliesTo: ({ isOwnImage, settings }) => isOwnImage && settings.timezone !== undefined,
  async run({ disk, settings: { timezone = 'UTC' } }) {
    const path = `${zones}/${timezone}`
    if ((await disk.read(path)) === undefined)
      throw cardUnreadable(`this system has no time zone "${timezone}": correct it in flotilla/card.yaml`)
    await putLink(disk, '/etc/localtime', path)
  },
}
