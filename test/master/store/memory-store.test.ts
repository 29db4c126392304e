/** The fake held to the port, as the real engine is. */
import { MemoryStore } from '../../../master/store/memory-store.ts'
import { testStoreConformance } from './conformance.ts'
import { testAgainstModel } from './random-transactions.ts'

testStoreConformance(async (_t, limits) => new MemoryStore(limits))

testAgainstModel(async () => {
  const store = new MemoryStore()
  return { store, remove: () => store.close() }
})
