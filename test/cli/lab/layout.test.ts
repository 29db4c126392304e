import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { boardOf, boardsOf, findBoard, findMachine, labLayout, masterOf, maxBoards } from '../../../cli/lab/layout.ts'

test('a lab keeps its names whichever way its folder is written, before and after the folder is there', t => {
  const root = mkdtempSync(join(tmpdir(), 'flotilla-layout-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  const before = labLayout(join(root, 'deep', 'lab'))
  mkdirSync(join(root, 'deep', 'lab'), { recursive: true })
  symlinkSync(join(root, 'deep'), join(root, 'short'))
  t.deepEqual(labLayout(join(root, 'short', 'x', '..', 'lab')), before)
  t.not(labLayout(join(root, 'deep')).hash, before.hash)
})

test('sockets and namespaces stay within the length of a unix socket’s path, however deep the folder', t => {
  const layout = labLayout(`/${'very-long-name/'.repeat(20)}lab`)
  for (const path of [layout.masterSocket, layout.mirrorSocket]) t.true(Buffer.byteLength(path) <= 107)
})

test('all boards that a lab may have get their own address and card in the LAN’s /24', t => {
  const boards = boardsOf(labLayout('/lab'), maxBoards)
  t.is(new Set(boards.map(({ address }) => address)).size, maxBoards)
  t.is(new Set(boards.map(({ mac }) => mac)).size, maxBoards)
  t.is(boards[0]!.address, '10.77.0.11')
  t.is(boards.at(-1)!.address, '10.77.0.254')
  t.true(
    boards.every(({ link }) => link.length <= 15),
    'IFNAMSIZ',
  )
})

test('pods and services of a board are in groups of their own below the board’s', t => {
  const { cgroup, systemCgroup, podsCgroup } = boardOf(labLayout('/lab'), 1)
  t.is(systemCgroup, `${cgroup}/system`)
  t.is(podsCgroup, `${cgroup}/pods`)
})

test('a name that is not in the lab is refused with the names that are', t => {
  const layout = labLayout('/lab')
  t.deepEqual(findMachine(layout, 1, 'master'), masterOf(layout))
  t.throws(() => findMachine(layout, 1, 'board-2'), { message: /because this lab has master, board-1$/ })
  t.throws(() => findBoard(layout, 1, 'master'), { message: /not a board/ })
})
