/** The CNI file. */
import test from 'ava'
import { renderCniConfig } from '../../../agent/network/cni-config.ts'

test('pods get addresses of the board’s range, a default route, and no masquerading by the plugin', t => {
  const config = JSON.parse(renderCniConfig({ podCIDR: '10.244.1.0/24' }))
  t.is(config.name, 'flotilla')
  t.deepEqual(config.plugins, [
    {
      type: 'ptp',
      ipMasq: false,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
  ])
})

test('directory and MTU are written only when they are given', t => {
  const [plugin] = JSON.parse(renderCniConfig({ podCIDR: '10.244.1.0/24', dataDir: '/data', mtu: 1450 })).plugins
  t.is(plugin.mtu, 1450)
  t.is(plugin.ipam.dataDir, '/data')
})
