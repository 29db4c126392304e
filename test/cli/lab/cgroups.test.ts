import test from 'ava'
import {
  hasMemoryController,
  isMachineInit,
  joinedHierarchies,
  parseHierarchies,
  planLimits,
} from '../../../cli/lab/cgroups.ts'
import { parseMountPoints } from '../../../cli/lab/mounts.ts'

const hybrid = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
`
const unified = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n'
const limits = { milliCpu: 1500, memoryBytes: 1024 }

test('on a hybrid machine the lab’s processes join the version 1 groups that count and limit', t => {
  const joined = joinedHierarchies(parseHierarchies(hybrid))
  t.deepEqual(
    joined.map(({ mountPoint }) => mountPoint),
    ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory'],
  )
})

test('on a unified machine they join the one group that there is', t => {
  t.deepEqual(joinedHierarchies(parseHierarchies(unified)), [
    { mountPoint: '/sys/fs/cgroup', version: 2, controllers: [] },
  ])
})

test('limits are written in the words of the machine’s version', t => {
  const files = (text: string): string[][] =>
    joinedHierarchies(parseHierarchies(text)).flatMap(hierarchy => planLimits(hierarchy, limits))
  t.deepEqual(files(hybrid), [
    ['cpu.cfs_quota_us', '150000'],
    ['memory.limit_in_bytes', '1024'],
    ['memory.memsw.limit_in_bytes', '1024'],
  ])
  t.deepEqual(files(unified), [
    ['cpu.max', '150000 100000'],
    ['memory.max', '1024'],
    ['memory.swap.max', '0'],
  ])
  t.deepEqual(planLimits({ version: 2, controllers: [] }, {}), [])
})

test('a machine whose memory controller is switched off is noticed', async t => {
  t.true(await hasMemoryController(parseHierarchies(hybrid)))
  t.false(await hasMemoryController(parseHierarchies(hybrid.replaceAll('memory', 'pids').replace(/.*cgroup2.*\n/, ''))))
})

test('only PID 1 of a namespace is the init of a machine', t => {
  t.false(isMachineInit(process.pid))
  t.false(isMachineInit(2 ** 22 + 1), 'no such process')
})

test('mount points come in the order of mounting, with their blanks', t => {
  const text = '1 2 0:1 / /a rw - x x rw\n2 1 0:1 / /a/b\\040c rw - x x rw\n'
  t.deepEqual(parseMountPoints(text), ['/a', '/a/b c'])
})
