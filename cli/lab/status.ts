/** `lab status`: what is on, what is cut, how warm it is. */
import { existsSync } from 'node:fs'
import { findInit } from './inside.ts'
import { boardsOf, type Machine, masterOf } from './layout.ts'
import { readTemperature } from './power.ts'
import { type Lab, openLab } from './state.ts'

export interface MachineStatus {
  name: string
  power: 'on' | 'off'
  link: 'up' | 'cut'
  address: string
  /** As this machine counts; null when off. */
  initPid: number | null
  celsius: number | null
}

export interface LabStatus {
  dir: string
  config: string
  mirror: string | null
  machines: MachineStatus[]
}

export async function readStatus(dir: string): Promise<LabStatus> {
  const { layout, state } = await openLab(dir)
  const machines = [masterOf(layout), ...boardsOf(layout, state.boards)]
  return {
    dir: layout.dir,
    config: layout.configFile,
    mirror: state.mirror ?? null,
    machines: await Promise.all(machines.map(statusOf)),
  }
}

export function renderStatus(status: LabStatus): string {
  const rows = status.machines.map(({ name, power, link, address, celsius }) => [
    name,
    power,
    link,
    address,
    celsius === null ? '<none>' : `${celsius}°C`,
  ])
  const table = [['NAME', 'POWER', 'LINK', 'ADDRESS', 'TEMPERATURE'], ...rows]
  const widths = table[0]!.map((_, column) => Math.max(...table.map(row => row[column]!.length)))
  const lines = table.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]! + 3))
      .join('')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

export function poweredBoards({ layout, state }: Lab): Machine[] {
  return boardsOf(layout, state.boards).filter(board => findInit(board) !== undefined)
}

async function statusOf(machine: Machine): Promise<MachineStatus> {
  const initPid = findInit(machine) ?? null
  return {
    name: machine.name,
    power: initPid === null ? 'off' : 'on',
    link: existsSync(machine.cutFile) ? 'cut' : 'up',
    address: machine.address,
    initPid,
    celsius: (await readTemperature(machine)) ?? null,
  }
}
