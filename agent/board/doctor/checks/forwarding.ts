/** Whether the board passes packets between its pods and the network. */
import { defineCheck, ok } from '../check.ts'

const setting = 'net.ipv4.ip_forward'

export const forwardingCheck = defineCheck(
  'forwarding',
  async view => (await view.read('/proc/sys/net/ipv4/ip_forward'))?.trim(),
  value =>
    value === '1'
      ? ok('on')
      : {
          level: 'warning',
          found: 'off',
          why: 'pods reach nobody until the agent has switched it on; a program that switches it off again would cut them off',
          fix: `sysctl -w ${setting}=1`,
          repairs: [{ do: 'run', argv: ['sysctl', '-w', `${setting}=1`] }],
        },
)
