/** Says what a packed program is made of, for whoever looks for known flaws. The adapter of `@cyclonedx/cyclonedx-library`. */
import { createHash } from 'node:crypto'
import { Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library'
import type { Ingredient } from './ingredients.ts'

export interface SbomSubject {
  version: string
  /** Its file's name. */
  file: string
  content: Uint8Array
  ingredients: Ingredient[]
  /** Seconds since 1970. */
  epoch: number
}

/** CycloneDX 1.6 as JSON. Same subject, same text. */
export function renderSbom({ version, file, content, ingredients, epoch }: SbomSubject): string {
  const subject = new Models.Component(Enums.ComponentType.Application, 'flotilla', {
    bomRef: 'flotilla',
    version,
    hashes: sha256(content),
    licenses: new Models.LicenseRepository([new Models.SpdxLicense('Apache-2.0')]),
    properties: new Models.PropertyRepository([new Models.Property('flotilla:file', file)]),
  })
  const components = ingredients.map(toComponent)
  for (const { bomRef } of components) subject.dependencies.add(bomRef)
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: subject, timestamp: new Date(epoch * 1000) }),
    components: new Models.ComponentRepository(components),
  })
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
  return `${serializer.serialize(bom, { sortLists: true, space: 1 })}\n`
}

const types = {
  library: Enums.ComponentType.Library,
  runtime: Enums.ComponentType.Platform,
  file: Enums.ComponentType.File,
  image: Enums.ComponentType.Container,
} as const

function toComponent({ kind, name, version, license, integrity, content, purl }: Ingredient): Models.Component {
  return new Models.Component(types[kind], name, {
    bomRef: purl ?? `${kind}:${name}`,
    ...(version !== undefined && { version }),
    ...(purl !== undefined && { purl }),
    ...(content && { hashes: sha256(content) }),
    // The hash of what npm downloads is of the package, not of a file in the program.
    ...(integrity !== undefined && {
      properties: new Models.PropertyRepository([new Models.Property('npm:integrity', integrity)]),
    }),
    ...(license !== undefined && { licenses: new Models.LicenseRepository([licenseOf(license)]) }),
  })
}

function licenseOf(text: string): Models.SpdxLicense | Models.NamedLicense | Models.LicenseExpression {
  if (/ (OR|AND) /.test(text)) return new Models.LicenseExpression(text)
  return SPDX.isSupportedSpdxId(text) ? new Models.SpdxLicense(text) : new Models.NamedLicense(text)
}

function sha256(content: Uint8Array): Models.HashDictionary {
  return new Models.HashDictionary([
    [Enums.HashAlgorithm['SHA-256'], createHash('sha256').update(content).digest('hex')],
  ])
}
