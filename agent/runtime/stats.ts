/** What each container uses just now, from CRI, so that we need not know which cgroup version the board has. */
import { hasCode } from '../../kit/errors.ts'
import { cri, queryDeadlineMs } from './cri.ts'
import type { GrpcClient } from './grpc.ts'
import type { OwnerLabels } from './pods.ts'

export interface ContainerUsage {
  cpuNanoseconds: number
  memoryBytes: number
}

/** containerd 1.6 refuses the whole list when one of its containers is removed meanwhile. */
const maxTries = 3

export async function readStats(client: GrpcClient, owner: OwnerLabels): Promise<Map<string, ContainerUsage>> {
  const request = { filter: { labelSelector: owner } }
  for (let tries = 1; ; tries++) {
    try {
      const { stats } = await client.call(cri.listStats, request, { deadlineMs: queryDeadlineMs })
      return new Map(stats.map(row => [row.attributes?.id ?? '', toUsage(row)]))
    } catch (error) {
      if (!hasCode(error, 'NotFound') || tries === maxTries) throw error
    }
  }
}

interface StatsRow {
  cpu: { usageCoreNanoSeconds: { value: bigint } | undefined } | undefined
  memory: { workingSetBytes: { value: bigint } | undefined } | undefined
}

function toUsage({ cpu, memory }: StatsRow): ContainerUsage {
  return {
    cpuNanoseconds: Number(cpu?.usageCoreNanoSeconds?.value ?? 0n),
    memoryBytes: Number(memory?.workingSetBytes?.value ?? 0n),
  }
}
