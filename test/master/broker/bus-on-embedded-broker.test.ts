import { testBusContract } from '../../kit/bus/bus-contract.ts'
import { startEmbeddedHarness } from './embedded-harness.ts'

testBusContract(startEmbeddedHarness)
