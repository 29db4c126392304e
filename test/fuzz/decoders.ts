/** Every decoder that faces the wire or a person's file, each with inputs that nearly fit it. */
import fc from 'fast-check'
import { readControlFrame, readNodeRequest } from '../../agent/sessions/read-node-request.ts'
import { parseCardSettings } from '../../contract/card/read-card.ts'
import { checkSshKey } from '../../contract/card/ssh-key.ts'
import { readManifests } from '../../contract/manifest/read-manifests.ts'
import { readObject } from '../../contract/resources/admit.ts'
import { parseFieldSelector, parseLabelSelector } from '../../contract/resources/selector.ts'
import { parseUsername } from '../../contract/wire/identity.ts'
import { parseTicket, parseToken } from '../../contract/wire/join.ts'
import { decodeJson } from '../../kit/bus/bad-messages.ts'
import { canonicalJson, contentHash, hashDocuments, hashOfHashes, readIndex } from '../../kit/bus/collection.ts'
import { PacketLimit } from '../../kit/bus/packet-limit.ts'
import { errorFromWire } from '../../kit/bus/wire-error.ts'
import { unseal, verifyToken } from '../../kit/jose.ts'
import { readQuestion, readServices } from '../../kit/mdns.ts'
import { isSignedBy, readCertificate, readCsr } from '../../kit/x509.ts'
import { readApiRequest } from '../../master/api/read-request.ts'
import { readBeat, readNodeName, readPresence, readReport } from '../../master/fleet/read-report.ts'
import { anyJson, anyText, damaged, damagedBytes, damagedText } from './arbitrary-input.ts'
import { conversations, feedBroker } from './broker-bytes.ts'
import type { Decoder } from './harness.ts'
import * as samples from './samples.ts'
import * as trust from './trust-samples.ts'

/** As text, because that is how it comes; a depth that no builder of ours would reach is written by hand. */
const json = (right: readonly unknown[]): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: damaged(right).map(value => JSON.stringify(value) ?? 'null'), weight: 30 },
    { arbitrary: anyJson.map(value => JSON.stringify(value)), weight: 10 },
    {
      arbitrary: fc.constantFrom(...right).map(value => JSON.stringify(value).replaceAll('"', '["').slice(0, 200)),
      weight: 1,
    },
    {
      arbitrary: fc.constantFrom(
        '['.repeat(50_000) + ']'.repeat(50_000),
        `${'{"spec":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
      ),
      weight: 1,
    },
  )

const reads =
  (decode: (value: unknown) => unknown) =>
  (text: string): unknown =>
    decode(decodeJson({ topic: 't', payload: Buffer.from(text), retained: false }, 4 * 1024 * 1024))

const texts = (right: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ arbitrary: damagedText(right), weight: 4 }, { arbitrary: anyText, weight: 1 })

const decoder = <T>(of: Decoder<T>): Decoder => of as Decoder

export const decoders: Decoder[] = [
  decoder({
    name: 'a message of JSON',
    input: fc.oneof(damagedBytes(samples.jsonTexts), fc.uint8Array({ maxLength: 200 })),
    decode: payload => decodeJson({ topic: 't', payload: Buffer.from(payload), retained: false }, 4096),
    weight: 4,
  }),
  decoder({
    name: 'a manifest',
    input: texts(samples.manifests),
    decode: text => readManifests(['-'], { readStdin: async () => text }),
  }),
  decoder({ name: "a card's settings", input: texts(samples.cards), decode: text => parseCardSettings(text) }),
  decoder({ name: 'a public key of ssh', input: texts(samples.sshKeys), decode: checkSshKey, weight: 4 }),
  decoder({ name: 'an object', input: json(samples.objects), decode: reads(readObject), weight: 2 }),
  decoder({ name: 'a request to the API', input: json(samples.apiRequests), decode: reads(readApiRequest), weight: 4 }),
  decoder({
    name: 'a request to a node',
    input: json(samples.nodeRequests),
    decode: reads(readNodeRequest),
    weight: 2,
  }),
  decoder({
    name: 'a control frame',
    input: json([{ c: 'stdin', eof: true }]),
    decode: reads(readControlFrame),
    weight: 2,
  }),
  decoder({ name: 'a report', input: json(samples.reports), decode: reads(readReport), weight: 2 }),
  decoder({
    name: 'a presence',
    input: json([{ online: true, session: 'abc' }]),
    decode: reads(readPresence),
    weight: 2,
  }),
  decoder({ name: 'a beat', input: json([{ session: 'abc' }]), decode: reads(readBeat), weight: 2 }),
  decoder({ name: 'the name of a node', input: texts(['board-1']), decode: readNodeName, weight: 2 }),
  decoder({
    name: 'an index of a collection',
    input: json([indexOf(samples.documents)]),
    decode: reads(readIndex),
    weight: 2,
  }),
  decoder({
    name: 'a document of a collection',
    input: json(samples.objects),
    decode: reads(value => contentHash(canonicalJson(value))),
  }),
  decoder({ name: 'an error from the wire', input: json(samples.wireErrors), decode: reads(errorFromWire), weight: 2 }),
  decoder({ name: 'a label selector', input: texts(samples.labelSelectors), decode: parseLabelSelector, weight: 4 }),
  decoder({
    name: 'a field selector',
    input: texts(['metadata.name=x,status.phase!=Running']),
    decode: parseFieldSelector,
    weight: 4,
  }),
  decoder({
    name: 'a word on the LAN (mDNS)',
    input: fc.oneof(damagedBytes(samples.mdnsMessages), fc.uint8Array({ maxLength: 200 })),
    decode: bytes => [
      readServices(Buffer.from(bytes), samples.mdnsService.type),
      readQuestion(Buffer.from(bytes), samples.mdnsService),
    ],
    weight: 4,
  }),
  decoder({ name: 'a join line', input: texts([samples.ticket]), decode: parseTicket, weight: 4 }),
  decoder({ name: 'a join token', input: texts(['abc123.bcdfghjklmnpqrstvwxz245678']), decode: parseToken, weight: 4 }),
  decoder({ name: 'a username', input: texts(samples.usernames), decode: parseUsername, weight: 4 }),
  decoder({
    name: 'the frame of an MQTT packet',
    input: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
    decode: chunks => {
      const limit = new PacketLimit(4096)
      for (const chunk of chunks) limit.watch(Buffer.from(chunk))
    },
    weight: 4,
  }),
  decoder({
    name: 'the bytes of an MQTT client',
    input: damagedBytes(conversations),
    decode: feedBroker,
  }),
  decoder({
    name: 'a signing request',
    input: damagedBytes([trust.derOf(trust.csr)]).map(der => trust.pemOf('CERTIFICATE REQUEST', der)),
    decode: readCsr,
  }),
  decoder({ name: 'the PEM of a signing request', input: texts([trust.csr]), decode: readCsr }),
  decoder({
    name: 'a certificate',
    input: damagedBytes([trust.derOf(trust.certificate)]),
    decode: der => [readCertificate(der), isSignedBy(der, trust.caCertificate)],
  }),
  decoder({
    name: 'a bearer token',
    input: texts([trust.token]),
    decode: token =>
      verifyToken(token, { keys: new Map([['k', trust.key]]), iss: 'home', aud: 'home', nowMs: 2_000_000 }),
  }),
  decoder({
    name: 'a sealed text',
    input: texts([trust.sealed]),
    decode: sealed => unseal(sealed, { key: trust.key, about: 'secrets/a/b' }),
  }),
]

function indexOf(documents: Map<string, unknown>): unknown {
  const hashes = hashDocuments(documents)
  return { epoch: 1, generation: 2, documents: Object.fromEntries(hashes), hash: hashOfHashes(hashes) }
}
