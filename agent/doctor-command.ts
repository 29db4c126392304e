/** `flotilla doctor`: whether a node can live on this board, why not, and what to do; with `--fix`, does it. */
import { systemClock } from '../kit/clock.ts'
import { type Command, type Input, usageExitStatus } from '../kit/command-line.ts'
import { askYes } from './ask.ts'
import { type Disk, systemDisk } from './board/disk.ts'
import { type BoardView, systemView } from './board/doctor/board-view.ts'
import type { Repair } from './board/doctor/check.ts'
import { allChecks } from './board/doctor/checks.ts'
import { type Examined, examineBoard, failuresOf } from './board/doctor/doctor.ts'
import { renderReport, renderSummary } from './board/doctor/render-report.ts'
import { applyRepairs, describeRepair, repairsOf } from './board/doctor/repair.ts'
import type { LineInput } from './join-input.ts'

export interface DoctorTerminal {
  stdin: LineInput
  stdout: { write(text: string): unknown; isTTY?: boolean }
  stderr: { write(text: string): unknown }
  view: () => BoardView
  disk: Disk
}

export function doctorCommandAt(terminal: DoctorTerminal): Command {
  return {
    name: 'doctor',
    summary: 'Check whether a node can live on this board, and what to do about it',
    options: [
      { flags: '--fix', summary: 'do what is safe on a machine that you use for other things as well; asks first' },
      { flags: '-y, --yes', summary: 'with --fix: do not ask' },
      { flags: '-o, --output <format>', summary: 'how to tell', choices: ['text', 'json'], default: 'text' },
    ],
    examples: [
      '$ sudo flotilla doctor            what is well, what is not, why it matters, and what to do',
      '$ sudo flotilla doctor --fix      and does it: settings of the board, modules, missing packages',
      '$ flotilla doctor -o json         for programs',
      '  Exit status: 0 fine, or only warnings; 1 something that a node needs is missing; 2 wrong use, or --fix was declined.',
    ],
    run: input => doctor(input, terminal),
  }
}

export const doctorCommand: Command = doctorCommandAt({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  view: () => systemView(systemClock),
  disk: systemDisk(),
})

async function doctor({ options }: Input, terminal: DoctorTerminal): Promise<number> {
  const { stdout, stderr } = terminal
  const view = terminal.view()
  const isJson = options['output'] === 'json'
  let examined = await examineBoard(view, allChecks)
  let isRefused = false
  if (!isJson) tell(examined, view, terminal)
  if (options['fix'] === true) {
    const repairs = repairsOf(examined)
    isRefused = repairs.length > 0 && !(await mend(repairs, view, { ...terminal, isSure: options['yes'] === true }))
    if (repairs.length === 0) stderr.write('There is nothing that could be mended from here.\n')
    else if (!isRefused) {
      examined = await examineBoard(terminal.view(), allChecks)
      if (!isJson) tell(examined, view, terminal)
    }
  }
  if (isJson) stdout.write(`${renderJson(examined)}\n`)
  if (isRefused) return usageExitStatus
  return failuresOf(examined).length > 0 ? 1 : 0
}

function tell(examined: Examined[], view: BoardView, { stdout, stderr }: DoctorTerminal): void {
  stdout.write(renderReport(examined, { isColoured: stdout.isTTY === true }))
  stdout.write(`\n${renderSummary(examined)}`)
  if (!view.isRoot) stderr.write('Some of this only root can see: sudo flotilla doctor\n')
}

/** False when it was not wanted. */
async function mend(
  repairs: Repair[],
  view: BoardView,
  { stdin, stderr, disk, isSure }: DoctorTerminal & { isSure: boolean },
): Promise<boolean> {
  stderr.write(`\nTo be done:\n${repairs.map(repair => `  ${describeRepair(repair)}\n`).join('')}`)
  if (!view.isRoot) {
    stderr.write('flotilla: cannot do that: because only root may: sudo flotilla doctor --fix\n')
    return false
  }
  if (!isSure && !(await askYes('Do it?', { stdin, stderr }))) {
    stderr.write(`Nothing was changed.${stdin.isTTY ? '' : ' There is no terminal to ask at: say --yes'}\n`)
    return false
  }
  await applyRepairs(repairs, { disk, run: view.run, say: line => stderr.write(`${line}\n`) })
  stderr.write('\n')
  return true
}

function renderJson(examined: Examined[]): string {
  const told = examined.map(({ name, level, found, why, fix, repairs = [] }) => ({
    ...{ name, level, found },
    ...(why !== undefined && { why }),
    ...(fix !== undefined && { fix }),
    mendable: repairs.length > 0,
  }))
  return JSON.stringify(told, undefined, 2)
}
