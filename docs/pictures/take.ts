/**
 * Takes the pictures of the README anew: `node docs/pictures/take.ts [flash]`, as root, after `./build.sh images`. What they show has happened: a
 * card is flashed, an emulated board starts from it, and joins.
 */
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machines } from '../../test/boot/machines.ts'
import { Master, program } from '../../test/boot/master.ts'
import { Rig } from '../../test/boot/rig.ts'
import { cardBytes } from '../../test/boot/scenario.ts'
import { onBoard } from '../../test/boot/shell.ts'
import { drawTerminal } from './terminal-svg.ts'
import { Tmux } from './tmux.ts'

const folder = import.meta.dirname
const kind = machines.find(({ name }) => name === 'amd64')!
const deadlineMs = 120_000
/** Of the text that a screen without a mode of its own shows. */
const screenColumns = 80

await take()

async function take(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-pictures-'))
  symlinkSync(program, join(directory, 'flotilla'))
  const master = await Master.start(join(directory, 'master'))
  const rig = new Rig({ kind, master, directory, node: 'board-1', say: line => process.stderr.write(`${line}\n`) })
  const environment = { FLOTILLA_CONFIG: master.config, PATH: `${directory}:${process.env['PATH']}`, LANG: 'C.UTF-8' }
  const terminal = new Tmux({ name: `flotilla-pictures-${process.pid}`, columns: 170, rows: 40, environment })
  try {
    terminal.type(`cd ${directory}; clear`)
    await takeFlash(rig, terminal)
    if (process.argv.includes('flash')) return
    await takeScreen(rig)
    await takeNodes(rig, terminal)
  } finally {
    terminal.close()
    await rig.cut()
    await master.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** With a key, so that the screen can be read later; to a file, so that no drive is needed. */
async function takeFlash(rig: Rig, terminal: Tmux): Promise<void> {
  rig.makeSshKey()
  // By a short name: where this clone lies is of no interest.
  symlinkSync(rig.image, join(rig.directory, 'flotilla.img.zst'))
  const words = `--board ${kind.board} --hostname board-1 --ssh-key key.pub --image flotilla.img.zst`
  terminal.type(`flotilla flash card.img ${words}`)
  // A file that is not there yet is written without a question.
  await terminal.shows(/^Watch it:/, { deadlineMs })
  save('flash', terminal.picture(), 'flotilla flash')
  truncateSync(rig.card, cardBytes)
}

async function takeScreen(rig: Rig): Promise<void> {
  await rig.powerOn('first start')
  await rig.until('ready', () => rig.isReady())
  await rig.waitFor('a shell', async () => (await onBoard(rig, 'true')) !== undefined)
  const cells = (await onBoard(rig, 'cat /dev/vcs1')) ?? ''
  const lines = Array.from({ length: Math.ceil(cells.length / screenColumns) }, (_, row) =>
    cells.slice(row * screenColumns, (row + 1) * screenColumns).trimEnd(),
  )
  save('first-start', lines.join('\n'), "the board's screen")
}

async function takeNodes(rig: Rig, terminal: Tmux): Promise<void> {
  await rig.waitFor('its first readings', async () => (await rig.master.list('nodemetrics')).length > 0)
  terminal.clear()
  terminal.type('flotilla get nodes -o wide')
  await terminal.shows(/board-1 +Ready/, { deadlineMs })
  save('nodes', terminal.picture(), 'flotilla get nodes')
}

function save(name: string, screen: string, title: string): void {
  // The last prompt is of no interest.
  const shown = screen.trimEnd().replace(/\n\$ ?$/, '')
  writeFileSync(join(folder, `${name}.svg`), drawTerminal(shown, { title }))
}
