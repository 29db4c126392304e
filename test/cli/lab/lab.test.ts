/** The lab as its users see it: real namespaces, cgroups and containerd; only the flotilla program is a stand-in. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { labLayout } from '../../../cli/lab/layout.ts'
import type { LabStatus } from '../../../cli/lab/status.ts'
import { readServings, startRegistry } from '../../support/registry.ts'
import { canUseLab, commandLines, eventually, type TestLab, Workshop } from './harness.ts'

const workshop = new Workshop()
const lab = workshop.lab('first')
const ping = (address: string): string => `busybox ping -c 1 -W 1 ${address} >/dev/null`

const machine = async (of: TestLab, name: string): Promise<LabStatus['machines'][number]> => {
  const status = JSON.parse((await of.run('status', '-o', 'json')).stdout) as LabStatus
  return status.machines.find(found => found.name === name)!
}

test.before(() => workshop.prepare())
test.after.always(() => workshop.remove())

test.serial('up makes the boards, waits for their nodes and prints only the configuration', async t => {
  if (!(await canUseLab(t))) return
  const stdout = await lab.must(t, 'up', '--boards', '2')
  t.is(stdout, `FLOTILLA_CONFIG=${lab.dir}/config.yaml\n`)
  t.regex(
    readFileSync(`${lab.dir}/config.yaml`, 'utf8'),
    /server: mqtts\+unix:\/\/\/run\/flotilla-lab\/.+\/master.sock/,
  )
  t.is(statSync(`${lab.dir}/config.yaml`).mode & 0o777, 0o600)
  t.is(await lab.sh(t, 'board-2', 'hostname; cat /etc/hostname'), 'board-2\nboard-2\n')
  await lab.sh(t, 'board-1', `${ping('10.77.0.12')} && ${ping('master')}`)
})

test.serial('each board joins by a line of its own that only root reads, and that is gone then', async t => {
  if (!(await canUseLab(t))) return
  const identity = JSON.parse(await lab.sh(t, 'board-2', 'cat /var/lib/flotilla/identity/identity.json'))
  t.deepEqual(identity, { line: 'a line for board-2\n', mode: '600' })
  t.is(await lab.sh(t, 'board-2', 'ls /var/lib/flotilla'), 'identity\n')
})

test.serial('the master runs without root, and agents without most of it', async t => {
  if (!(await canUseLab(t))) return
  const status = await lab.sh(t, 'master', 'cat /proc/$(cat /run/master.pid)/status; ls -ln /var/lib/flotilla')
  t.regex(status, /^Uid:\s+6\d{4}\s/m)
  t.regex(status, /^CapBnd:\s+0+$/m)
  t.regex(status, /^NoNewPrivs:\s+1$/m)
  t.regex(status, /^drwx------ \d+ 6\d{4} 6\d{4} .* master$/m)
  t.regex(await lab.sh(t, 'board-1', 'cat /proc/$(cat /run/agent.pid)/status'), /^CapEff:\s+0+102b$/m)
})

test.serial('up on a lab that is up changes nothing', async t => {
  if (!(await canUseLab(t))) return
  const before = await machine(lab, 'board-1')
  const { status, stderr } = await lab.run('up')
  t.is(status, 0)
  t.regex(stderr, /is in .+ already/)
  t.regex((await lab.run('up', '--broker', 'mosquitto')).stderr, /cannot change the broker .*'flotilla lab down' first/)
  t.deepEqual(await machine(lab, 'board-1'), before)
})

test.serial('each board sees its own network devices, disk and settings, not the machine’s', async t => {
  if (!(await canUseLab(t))) return
  t.is(await lab.sh(t, 'board-1', 'ls /sys/class/net'), 'eth0\nlo\n')
  await lab.sh(t, 'board-1', 'echo one > /var/lib/flotilla/mine; echo one > /etc/cni/net.d/mine; echo one > /etc/mine')
  t.is((await lab.run('exec', 'board-2', '--', 'cat', '/var/lib/flotilla/mine')).status, 1)
  t.is((await lab.run('exec', 'board-2', '--', 'cat', '/etc/cni/net.d/mine')).status, 1)
  for (const path of ['/var/lib/flotilla/mine', '/etc/cni/net.d/mine', '/etc/mine']) t.false(existsSync(path), path)
})

test.serial('exec keeps the exit status, the folder, and the words as they were', async t => {
  if (!(await canUseLab(t))) return
  t.is((await lab.run('exec', 'board-1', '--', 'sh', '-c', 'exit 42')).status, 42)
  t.is(await lab.must(t, 'exec', 'board-1', '--', 'printf', '%s|', 'a b', "it's", '$HOME'), "a b|it's|$HOME|")
  t.is(await lab.must(t, 'exec', 'board-1', '--', 'pwd'), `${process.cwd()}\n`)
  const { status, stderr } = await lab.run('exec', 'board-9', '--', 'true')
  t.is(status, 1)
  t.regex(stderr, /cannot find "board-9": because this lab has master, board-1, board-2/)
})

test.serial('whoever ends an exec, kindly or not, ends what it ran', async t => {
  if (!(await canUseLab(t))) return
  for (const place of ['board-1', 'lan'])
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const child = lab.spawn('exec', place, '--', 'sleep', '4321')
      const runs = async (): Promise<boolean> => commandLines().includes('sleep 4321')
      await eventually(t, `${place} sleeps`, runs)
      child.kill(signal)
      await eventually(t, `${place} is woken by ${signal}`, async () => !(await runs()))
    }
})

test.serial('a cut cable carries nothing, also over a power cut, until it is mended', async t => {
  if (!(await canUseLab(t))) return
  await lab.must(t, 'cut', 'board-2')
  t.is((await lab.run('exec', 'lan', '--', 'sh', '-c', ping('10.77.0.12'))).status, 1)
  await lab.must(t, 'kill', 'board-2')
  await lab.must(t, 'cut', 'board-2')
  await lab.must(t, 'start', 'board-2')
  t.is((await lab.run('exec', 'lan', '--', 'sh', '-c', ping('10.77.0.12'))).status, 1)
  t.is((await machine(lab, 'board-2')).link, 'cut')
  await lab.must(t, 'mend', 'board-2')
  await eventually(
    t,
    'board-2 answers',
    async () => (await lab.run('exec', 'lan', '--', 'sh', '-c', ping('10.77.0.12'))).status === 0,
  )
})

test.serial('a power cut ends all that runs on a board without a goodbye, and keeps its disk', async t => {
  if (!(await canUseLab(t))) return
  const { cgroup } = labLayout(lab.dir)
  const run = `ctr -n k8s.io run -d --net-host --cgroup /${cgroup}/board-1/pods/web flotilla.dev/hello:1 web`
  await lab.sh(t, 'board-1', `${run} && nft add table ip mine && echo kept > /var/lib/flotilla/kept`)
  await eventually(t, 'the container answers with the name of its board', async () => {
    const { stdout } = await lab.run('exec', 'master', '--', 'busybox', 'wget', '-qO-', 'http://10.77.0.11:8080/')
    return stdout === 'board-1\n'
  })
  await lab.must(t, 'kill', 'board-1')
  t.is((await machine(lab, 'board-1')).power, 'off')
  t.regex((await lab.run('exec', 'board-1', '--', 'true')).stderr, /it is off; 'flotilla lab start board-1'/)
  t.is((await lab.run('exec', 'lan', '--', 'sh', '-c', ping('10.77.0.11'))).status, 1)
  // Had a socket been closed on the board, the stand-in's list of nodes would be shorter.
  t.regex(await nodesOf(lab), /board-1/)

  await lab.must(t, 'start', 'board-1')
  t.is(await lab.sh(t, 'board-1', 'cat /var/lib/flotilla/kept; nft list tables'), 'kept\n')
  t.regex(await lab.sh(t, 'board-1', 'ctr -n k8s.io images ls -q'), /flotilla.dev\/pause:1/)
  t.notRegex(await lab.sh(t, 'board-1', 'ctr -n k8s.io tasks ls'), /RUNNING/)
})

test.serial('a service that dies is started again, and its board goes on', async t => {
  if (!(await canUseLab(t))) return
  const { initPid } = await machine(lab, 'board-1')
  for (const service of ['agent', 'containerd']) {
    const pid = await lab.sh(t, 'board-1', `cat /run/${service}.pid; kill -9 $(cat /run/${service}.pid)`)
    await eventually(t, `${service} runs anew`, async () => {
      const now = await lab.sh(t, 'board-1', `cat /run/${service}.pid`)
      return now !== pid
    })
  }
  t.is((await machine(lab, 'board-1')).initPid, initPid)
  t.regex(readFileSync(`${lab.dir}/board-1/agent.log`, 'utf8'), /agent ended with status 137 and starts again/)
})

test.serial('the master too loses its power and comes back', async t => {
  if (!(await canUseLab(t))) return
  await lab.must(t, 'kill', 'master')
  t.is((await machine(lab, 'master')).power, 'off')
  await lab.must(t, 'start', 'master')
  await lab.must(t, 'up')
})

test.serial('heat shows on the sensor of that board only', async t => {
  if (!(await canUseLab(t))) return
  const sensor = 'cat /sys/class/thermal/thermal_zone0/type /sys/class/thermal/thermal_zone0/temp'
  await lab.must(t, 'heat', 'board-1', '81.5')
  t.is(await lab.sh(t, 'board-1', sensor), 'cpu-thermal\n81500\n')
  t.is(await lab.sh(t, 'board-2', sensor), 'cpu-thermal\n45000\n')
  t.regex((await lab.run('heat', 'board-1', 'warm')).stderr, /"warm": because that is not a number/)
  t.regex((await lab.run('heat', 'master', '50')).stderr, /because it is not a board/)
})

test.serial('load puts an image on the boards named', async t => {
  if (!(await canUseLab(t))) return
  const list = 'ctr -n k8s.io images ls -q name==flotilla.dev/hello:1'
  await lab.sh(t, 'board-2', 'ctr -n k8s.io images rm flotilla.dev/hello:1')
  t.is(await lab.sh(t, 'board-2', list), '')
  await lab.must(t, 'load', join(workshop.images, 'hello.tar'), 'board-2')
  t.is(await lab.sh(t, 'board-2', list), 'flotilla.dev/hello:1\n')
  t.regex((await lab.run('load', '/no/such.tar')).stderr, /no such file/)
})

test.serial('a second lab stands beside the first, with limits and a mirror on this machine', async t => {
  if (!(await canUseLab(t))) return
  const hello = join(workshop.images, 'hello.tar')
  const registry = await startRegistry(await readServings([`${hello}=docker.io/traefik/whoami`]))
  t.teardown(() => registry.close())
  const second = workshop.lab('second')
  await second.must(t, 'up', '--boards', '1', '--cpu', '500m', '--memory', '256Mi', '--mirror', registry.url)

  const pull = 'ctr -n k8s.io images pull --hosts-dir /etc/containerd/certs.d'
  await second.sh(t, 'board-1', `${pull} docker.io/traefik/whoami:v1.10`)
  t.true(registry.requests.some(line => line.includes('/v2/traefik/whoami/manifests/v1.10?ns=docker.io')))
  const { stderr } = await second.run('exec', 'board-1', '--', 'sh', '-c', `${pull} docker.io/library/other:1`)
  t.regex(stderr, /failed to resolve reference/)

  t.regex(readFileSync(`${second.dir}/board-1/agent.log`, 'utf8'), /--capacity cpu=500m,memory=256Mi/)
  const eat = 'exec dd if=/dev/zero of=/dev/null bs=400M count=1'
  t.is((await second.run('exec', 'board-1', '--', 'sh', '-c', eat)).status, 137, 'a board has no more than its memory')
  await second.sh(t, 'board-1', ping('master'))
  await lab.sh(t, 'board-2', ping('master'))
  await second.must(t, 'down')
  t.deepEqual(second.traces(), [])
  t.is((await machine(lab, 'board-1')).power, 'on')
})

test.serial('down after a crash that lost all notes leaves nothing, and may be repeated', async t => {
  if (!(await canUseLab(t))) return
  t.not(lab.traces().length, 0)
  writeFileSync(labLayout(lab.dir).stateFile, 'half writ')
  t.regex((await lab.run('status')).stderr, /flotilla lab down/)
  const { status, stderr } = await lab.run('down')
  t.is(status, 0, stderr)
  t.regex(stderr, /removed [1-9]\d* processes, .* nothing is left/)
  rmSync(lab.dir, { recursive: true, force: true })
  t.deepEqual(lab.traces(), [])
  t.regex((await lab.run('down')).stderr, /no lab in/)
})

test.serial('a folder with somebody’s files is not made a lab', async t => {
  if (!(await canUseLab(t))) return
  writeFileSync(join(workshop.folder, 'letter.txt'), 'dear board')
  const { status, stderr } = await workshop.lab('.').run('up')
  t.is(status, 1)
  t.regex(stderr, /holds other files .* name an empty one with --dir/)
  t.true(existsSync(join(workshop.folder, 'letter.txt')))
})

/** What the stand-in's master says. */
function nodesOf({ dir }: TestLab): Promise<string> {
  return text(connect(labLayout(dir).masterSocket))
}
