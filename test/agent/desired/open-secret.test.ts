import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { openSecret } from '../../../agent/desired/open-secret.ts'
import { type SecretWish, secretDocument } from '../../../contract/wire/fleet.ts'
import { CodedError } from '../../../kit/errors.ts'
import { seal } from '../../../kit/jose.ts'

const makeKeys = () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const privateText = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return { publicKey: publicKey.export({ type: 'spki', format: 'der' }), privateKey: privateText }
}
const keys = makeKeys()
const metadata = { namespace: 'default', name: 'db', uid: 'u', resourceVersion: '7' }
const contents = { metadata, type: 'Opaque', data: { password: 'aHVudGVyMg==' } }

async function sealed(text: string, about = secretDocument('default', 'db')): Promise<SecretWish> {
  return { metadata, sealed: await seal(Buffer.from(text), { publicKey: keys.publicKey, about }) }
}

const target = { namespace: 'default', name: 'db', privateKey: keys.privateKey }

test('what was sealed for this board is opened', async t => {
  t.deepEqual(await openSecret(await sealed(JSON.stringify(contents)), target), contents)
})

for (const [title, wish, about] of [
  ['for another board', async () => sealed(JSON.stringify(contents)), { privateKey: makeKeys().privateKey }],
  ['as another secret', async () => sealed(JSON.stringify(contents), secretDocument('default', 'other')), {}],
  ['and is asked for under another name', async () => sealed(JSON.stringify(contents)), { name: 'other' }],
  [
    'and says that it is another',
    async () => sealed(JSON.stringify({ ...contents, metadata: { ...metadata, namespace: 'other' } })),
    {},
  ],
  ['and is no JSON', async () => sealed('hunter2 is no JSON'), {}],
  ['and holds no texts', async () => sealed(JSON.stringify({ ...contents, data: { a: { hunter2: 1 } } })), {}],
  ['and holds nothing', async () => sealed('{}'), {}],
] as Array<[string, () => Promise<SecretWish>, Partial<typeof target>]>) {
  test(`what was sealed ${title} is refused, and not a byte of it told`, async t => {
    const error = await t.throwsAsync(openSecret(await wish(), { ...target, ...about }), { instanceOf: CodedError })
    t.regex(error?.message ?? '', /^cannot (open|read)/)
    t.false(`${error?.stack} ${String(error?.cause)}`.includes('hunter2'))
  })
}
