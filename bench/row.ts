/** One figure that a benchmark has measured. */
export interface BenchRow {
  name: string
  value: number
  unit: string
  note?: string
}
