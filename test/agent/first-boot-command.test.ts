import test from 'ava'
import { refuseElsewhere } from '../../agent/first-boot-command.ts'
import { CrashDisk } from './board/crash-disk.ts'

test('a machine that did not start from a card is left alone, and its owner is told what to run instead', async t => {
  await t.throwsAsync(refuseElsewhere(new CrashDisk({ '/etc/os-release': 'ID=debian\n' })), {
    message: /no \/boot\/firmware\/flotilla\/card.yaml here: .*"flotilla join"/,
  })
})

test('our own image goes on without settings, to tell of them, and a stock one with a card', async t => {
  await t.notThrowsAsync(refuseElsewhere(new CrashDisk({ '/etc/os-release': 'VARIANT_ID=flotilla\n' })))
  await t.notThrowsAsync(refuseElsewhere(new CrashDisk({ '/boot/firmware/flotilla/card.yaml': 'board: rpi-4\n' })))
})
