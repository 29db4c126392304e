/** Routes and settings of a board, in throw-away namespaces. */
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createPodNetwork } from '../../../agent/network/pod-network.ts'
import { FakeClock } from '../../../kit/fake-clock.ts'
import { createLog } from '../../../kit/log.ts'
import { canUseNamespaces } from '../../support/netns.ts'
import { type Board, createTwoBoards } from '../../support/two-boards.ts'

async function withBoard(t: ExecutionContext, run: (board: Board) => Promise<void>): Promise<void> {
  if (!canUseNamespaces(t, ['ip', 'nsenter', 'sysctl'])) return
  const boards = await createTwoBoards()
  t.teardown(boards.remove)
  await run(boards.boards[0])
}

/** A pod network on the same board whose commands are counted and whose time stands still. */
function watched(board: Board) {
  const clock = new FakeClock()
  const commands: string[] = []
  const warnings: string[] = []
  const podNetwork = createPodNetwork({
    paths: { cniConfDir: join(board.directory, 'net.d') },
    clock,
    log: createLog({ write: line => warnings.push(line) }),
    run: (argv, options) => {
      commands.push(argv.join(' '))
      return board.netns.run(argv, options)
    },
  })
  return { podNetwork, clock, commands, warnings }
}

async function routes(board: Board): Promise<string[]> {
  const listed = await board.netns.run(['ip', 'route', 'show', 'proto', '120'])
  return listed
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .sort()
}

test('a board forwards, and has a route to the pods of the other board and to services', t =>
  withBoard(t, async board => {
    t.deepEqual(await routes(board), [
      '10.244.2.0/24 via 192.168.77.12 dev eth0',
      '10.96.0.0/16 dev eth0 scope link src 192.168.77.11',
    ])
    t.is((await board.netns.run(['sysctl', '-n', 'net.ipv4.ip_forward'])).trim(), '1')
    t.is((await board.netns.run(['sysctl', '-n', 'net.ipv4.conf.all.rp_filter'])).trim(), '2')
  }))

test('a board that left takes its route along, a board that moved changes it, and foreign routes stay', t =>
  withBoard(t, async board => {
    await board.netns.run(['ip', 'route', 'add', '10.99.0.0/24', 'via', '192.168.77.12'])
    const [self, other] = board.wish.nodes as [Board['wish']['nodes'][0], Board['wish']['nodes'][0]]
    await board.podNetwork.apply({ ...board.wish, nodes: [self, { ...other, address: '192.168.77.13' }] })
    t.true((await routes(board)).includes('10.244.2.0/24 via 192.168.77.13 dev eth0'))
    await board.podNetwork.apply({ ...board.wish, nodes: [self] })
    t.false((await routes(board)).some(route => route.startsWith('10.244.2.0/24')))
    t.regex(await board.netns.run(['ip', 'route', 'show', '10.99.0.0/24']), /via 192\.168\.77\.12/)
  }))

test('a pod’s device that goes while the board is set up stops nothing', t =>
  withBoard(t, async board => {
    const ip = (...words: string[]): Promise<string> => board.netns.run(['ip', ...words])
    await ip('link', 'add', 'pod0', 'type', 'veth', 'peer', 'name', 'pod1')
    await ip('address', 'add', '10.244.1.1/24', 'dev', 'pod0')
    for (const end of ['pod0', 'pod1']) await ip('link', 'set', end, 'up')
    const asked: string[] = []
    const podNetwork = createPodNetwork({
      paths: { cniConfDir: join(board.directory, 'net.d') },
      clock: new FakeClock(),
      log: createLog({ write: () => undefined }),
      run: async (argv, options) => {
        if (argv[0] === 'sysctl' && asked.length === 0) await ip('link', 'delete', 'pod0')
        if (argv[0] === 'sysctl') asked.push(...argv)
        return board.netns.run(argv, options)
      },
    })
    await ip('route', 'flush', 'proto', '120')
    await podNetwork.apply(board.wish)
    t.true(asked.some(word => word.includes('/pod0/')))
    t.is((await routes(board)).length, 2)
    t.is((await board.netns.run(['sysctl', '-n', 'net.ipv4.conf.eth0.send_redirects'])).trim(), '0')
  }))

test('routes that went with a pulled cable are back at the next look, though the wish is the same', t =>
  withBoard(t, async board => {
    const { podNetwork, clock } = watched(board)
    await podNetwork.apply(board.wish)
    await board.netns.run(['ip', 'link', 'set', 'eth0', 'down'])
    await board.netns.run(['ip', 'link', 'set', 'eth0', 'up'])
    t.deepEqual(await routes(board), [])
    await clock.advance(5000)
    await podNetwork.apply(board.wish)
    t.is((await routes(board)).length, 2)
  }))

test('an unchanged wish costs nothing between two looks, and a look writes nothing', t =>
  withBoard(t, async board => {
    const { podNetwork, clock, commands } = watched(board)
    await podNetwork.apply(board.wish)
    commands.length = 0
    await podNetwork.apply(board.wish)
    t.deepEqual(commands, [])
    await clock.advance(5000)
    await podNetwork.apply(board.wish)
    t.deepEqual(commands, ['ip -j -4 address show up', 'ip -j -4 route show proto 120'])
  }))

test('a board on another network is reported once, and keeps no other route back', t =>
  withBoard(t, async board => {
    const { podNetwork, warnings } = watched(board)
    const far = { name: 'far', address: '172.20.0.5', podCIDR: '10.244.9.0/24' }
    const wish = { ...board.wish, nodes: [far, ...board.wish.nodes] }
    await podNetwork.apply(wish)
    await podNetwork.apply({ ...wish, nodes: [...wish.nodes].reverse() })
    t.is(warnings.length, 1)
    t.regex(warnings[0] ?? '', /cannot route to the pods of a board.*node=far.*connect both boards/)
    t.is((await routes(board)).length, 2)
  }))

test('the CNI file is left alone while it is right, and put right when it is not', t =>
  withBoard(t, async board => {
    const path = join(board.directory, 'net.d', '10-flotilla.conflist')
    const before = await stat(path)
    const same = createPodNetwork({
      paths: { cniConfDir: join(board.directory, 'net.d'), cniDataDir: join(board.directory, 'data') },
      clock: new FakeClock(),
      log: createLog({ write: () => undefined }),
      run: board.netns.run,
    })
    await same.apply(board.wish)
    t.is((await stat(path)).ino, before.ino)
    await writeFile(path, '{ half of it')
    await same.apply({ ...board.wish, nodes: [] })
    t.not((await stat(path)).size, '{ half of it'.length)
    t.deepEqual(await readdir(join(board.directory, 'net.d')), ['10-flotilla.conflist'])
  }))
