import { testBusContract } from './bus-contract.ts'
import { hasMosquitto, startMosquitto } from './mosquitto.ts'

testBusContract(async t => (hasMosquitto(t) ? startMosquitto() : undefined))
