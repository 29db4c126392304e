/** All that the doctor looks at, in the order in which it tells: what a node cannot do without comes first. */
import type { Check } from './check.ts'
import { boardCheck } from './checks/board.ts'
import { cgroupsCheck } from './checks/cgroups.ts'
import { containerdCheck } from './checks/containerd.ts'
import { forwardingCheck } from './checks/forwarding.ts'
import { kernelFeaturesCheck } from './checks/kernel-features.ts'
import { memoryCheck } from './checks/memory.ts'
import { nameCheck } from './checks/name.ts'
import { portsCheck } from './checks/ports.ts'
import { powerCheck } from './checks/power.ts'
import { programsCheck } from './checks/programs.ts'
import { servicesCheck } from './checks/services.ts'
import { settingsCheck } from './checks/settings.ts'
import { storageCheck } from './checks/storage.ts'
import { temperatureCheck } from './checks/temperature.ts'
import { timeCheck } from './checks/time.ts'

export const allChecks: Check[] = [
  boardCheck,
  cgroupsCheck,
  kernelFeaturesCheck,
  programsCheck,
  containerdCheck,
  storageCheck,
  nameCheck,
  memoryCheck,
  forwardingCheck,
  timeCheck,
  powerCheck,
  temperatureCheck,
  portsCheck,
  servicesCheck,
  settingsCheck,
]
