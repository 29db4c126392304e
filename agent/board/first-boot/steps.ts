/** The first start of a board, as a list: what is above is done when what is below begins. */
import type { Step } from './context.ts'
import { agentStep } from './steps/agent.ts'
import { clockStep } from './steps/clock.ts'
import { forgetSecretsStep } from './steps/forget-secrets.ts'
import { hostnameStep } from './steps/hostname.ts'
import { imagesStep } from './steps/images.ts'
import { joinStep } from './steps/join.ts'
import { masterStep } from './steps/master.ts'
import { networkStep } from './steps/network.ts'
import { settingsStep } from './steps/settings.ts'
import { sshStep } from './steps/ssh.ts'
import { timezoneStep } from './steps/timezone.ts'

export const firstBootSteps: Step[] = [
  hostnameStep,
  networkStep,
  timezoneStep,
  sshStep,
  settingsStep,
  imagesStep,
  clockStep,
  masterStep,
  joinStep,
  agentStep,
  // Only now: before, the line is all that lets the board in. And last: a card that cannot be written to keeps no board from its pods.
  forgetSecretsStep,
]
