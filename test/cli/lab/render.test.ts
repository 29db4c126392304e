import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { boardOf, boardsOf, labLayout, masterOf } from '../../../cli/lab/layout.ts'
import { masterUid } from '../../../cli/lab/master-user.ts'
import { agentCapabilities, servicesOf } from '../../../cli/lab/plan-services.ts'
import { pauseImage, renderContainerdConfig, renderMirrorHosts } from '../../../cli/lab/render-containerd-config.ts'
import { quote, renderHosts, renderInit } from '../../../cli/lab/render-init.ts'
import * as pause from '../../../images/pause.ts'

const layout = labLayout("/srv/it's a lab")
const lab = { layout, state: { boards: 2, program: ['/opt/flotilla'], madeDir: true } }

test('containerd gets the pause image that our build makes', t => {
  t.is(pauseImage, pause.pauseImage)
  const config = renderContainerdConfig({ cniBinDir: '/usr/lib/cni', mayLowerOomScore: true })
  t.regex(config, /sandbox_image = "flotilla.dev\/pause:1"/)
  t.regex(config, /bin_dir = "\/usr\/lib\/cni"/)
})

test('containerd leaves oom scores alone where it may not lower them', t => {
  const config = (mayLowerOomScore: boolean): string => renderContainerdConfig({ cniBinDir: '/x', mayLowerOomScore })
  t.regex(config(true), /restrict_oom_score_adj = false/)
  t.regex(config(false), /restrict_oom_score_adj = true/)
})

test('containerd reads its configuration as we mean it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-render-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'config.toml')
  writeFileSync(file, renderContainerdConfig({ cniBinDir: '/some/cni', mayLowerOomScore: false }))
  const dump = spawnSync('containerd', ['--config', file, 'config', 'dump'], { encoding: 'utf8' })
  if (dump.error && !process.env['CI']) {
    t.pass('skipped: no containerd here')
    return
  }
  t.is(dump.status, 0, dump.stderr)
  for (const line of [
    'bin_dir = "/some/cni"',
    'restrict_oom_score_adj = true',
    'config_path = "/etc/containerd/certs.d"',
  ])
    t.true(dump.stdout.includes(line), line)
})

test('a mirror is asked for what is there, never given anything', t => {
  const hosts = renderMirrorHosts('http://10.77.0.1:5000')
  t.regex(hosts, /\[host\."http:\/\/10\.77\.0\.1:5000"\]/)
  t.notRegex(hosts, /push/)
})

test('every machine knows the others by name', t => {
  const hosts = renderHosts(boardsOf(layout, 2)).split('\n')
  for (const line of ['10.77.0.1\tlan', '10.77.0.2\tmaster', '10.77.0.11\tboard-1', '10.77.0.12\tboard-2'])
    t.true(hosts.includes(line), line)
})

for (const machine of [masterOf(layout), boardOf(layout, 1)])
  test(`the init script of ${machine.name} is one that sh can read, whatever the folder is called`, t => {
    const { status, stderr } = spawnSync('sh', ['-n'], {
      input: renderInit(machine, lab, servicesOf(lab, machine)),
      encoding: 'utf8',
    })
    t.is(status, 0, stderr)
  })

test('a quoted word comes out of sh as it went in', t => {
  const words = ['plain', '', 'a b', "it's", '$HOME `id` "x" \\', 'new\nline', '*', '--flag=1', '~']
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${words.map(quote).join(' ')}`], { encoding: 'utf8' })
  t.deepEqual(stdout.split('\0').slice(0, -1), words)
})

test('services get their limits and places in words that the program reads', t => {
  const limited = { layout, state: { ...lab.state, cpu: '500m', memory: '256Mi' } }
  const agent = servicesOf(limited, boardOf(layout, 2)).find(({ name }) => name === 'agent')!
  const { cgroup } = layout
  t.deepEqual(agent.command, [
    ...['setpriv', '--bounding-set=-all,+net_admin,+dac_override,+chown,+fowner,+kill', '--inh-caps=-all'],
    ...['--no-new-privs', '--', '/opt/flotilla', 'agent', '--join', '/var/lib/flotilla/join', '--name', 'board-2'],
    ...['--cgroup-parent', `/${cgroup}/board-2/pods`, '--capacity', 'cpu=500m,memory=256Mi'],
  ])
  const [master] = servicesOf(lab, masterOf(layout))
  const [user, group, , bounding] = master!.command.slice(1)
  t.regex(user ?? '', /^--reuid=6\d{4}$/)
  t.is(group?.slice('--regid='.length), user?.slice('--reuid='.length))
  t.is(bounding, '--bounding-set=-all')
  t.true(master!.command.includes(layout.masterSocket))
})

test('with a Mosquitto the master keeps its files, and a relay leads to its port', t => {
  const services = servicesOf({ layout, state: { ...lab.state, broker: 'mosquitto' } }, masterOf(layout))
  const [master, broker, relay] = services.map(({ command }) => command.join(' '))
  t.regex(master ?? '', /--broker mqtts:\/\/127\.0\.0\.1:8883 --broker-files \/var\/lib\/flotilla\/master\/broker/)
  t.false(master?.includes('--socket'))
  t.regex(broker ?? '', /^setpriv --reuid=\d+ .* mosquitto -c \/var\/lib\/flotilla\/master\/broker\/mosquitto\.conf$/)
  t.is(relay, `/opt/flotilla lab relay unix:${layout.masterSocket} tcp:127.0.0.1:8883`)
})

test('an agent of the lab has the capabilities that systemd leaves it, and no other', t => {
  const unit = join(
    import.meta.dirname,
    '../../../firmware-config/common/package/usr/lib/systemd/system/flotilla-agent.service',
  )
  const [, names = ''] = /^CapabilityBoundingSet=(.*)$/m.exec(readFileSync(unit, 'utf8')) ?? []
  t.deepEqual(names.toLowerCase().replaceAll('cap_', '').split(' ').sort(), [...agentCapabilities].sort())
})

test('a master gets a user that nobody is, the same each time', t => {
  const uid = masterUid({ hash: 'ffffffff' }, new Set())
  t.is(masterUid({ hash: 'ffffffff' }, new Set()), uid)
  const other = masterUid({ hash: 'ffffffff' }, new Set([uid]))
  t.not(other, uid)
  for (const found of [uid, other]) t.true(found >= 61_184 && found <= 65_519)
})
