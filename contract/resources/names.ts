/** What names may look like: each rule answers with what is wrong and what is allowed, or undefined. */

/** Says what is wrong with a text; undefined when nothing is. */
export type NameRule = (text: string) => string | undefined

const maxLabelLength = 63
const maxSubdomainLength = 253

const labelShape = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const label1035Shape = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const subdomainShape = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const qualifiedShape = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const labelValueShape = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const environmentShape = /^[^=\0]+$/
const configKeyShape = /^[-._a-zA-Z0-9]+$/
const portNameShape = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/** RFC 1123 label: namespaces, containers, generated names. */
export const checkLabelName: NameRule = rule(
  labelShape,
  maxLabelLength,
  'use lower-case letters, digits and "-", beginning and ending with a letter or digit, such as "my-name"',
)

/** RFC 1035 label: services, whose names are looked up in DNS. */
export const checkServiceName: NameRule = rule(
  label1035Shape,
  maxLabelLength,
  'use lower-case letters, digits and "-", beginning with a letter, such as "my-name"',
)

/** RFC 1123 subdomain: the names of most objects. */
export const checkSubdomainName: NameRule = rule(
  subdomainShape,
  maxSubdomainLength,
  'use lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit, such as "my-name"',
)

export const checkLabelValue: NameRule = rule(
  labelValueShape,
  maxLabelLength,
  'use letters, digits, "-", "_" and ".", beginning and ending with a letter or digit, or nothing at all',
)

/** A key of labels, annotations, taints, resources: `name` or `domain.example/name`. */
export const checkQualifiedName: NameRule = text => {
  const parts = text.split('/')
  const name = parts.pop() ?? ''
  const [prefix] = parts
  if (parts.length > 1) return `${quote(text)} has more than one "/": use "name" or "domain.example/name"`
  if (prefix !== undefined) {
    const problem = checkSubdomainName(prefix)
    if (problem !== undefined) return `the part before "/" is not a domain: ${problem}`
  }
  return checkBareName(name)
}

const checkBareName: NameRule = rule(
  qualifiedShape,
  maxLabelLength,
  'use letters, digits, "-", "_" and ".", beginning and ending with a letter or digit, such as "my.name_1"',
)

/** Kubernetes has allowed anything printable but "=" since 1.30 (KEP-4369). */
export const checkEnvironmentName: NameRule = rule(environmentShape, Infinity, 'use a name without "="')

export const checkConfigKey: NameRule = text => {
  if (text === '.' || text === '..' || text.startsWith('..'))
    return `${quote(text)} would leave its directory as a file`
  return checkConfigKeyShape(text)
}

const checkConfigKeyShape: NameRule = rule(
  configKeyShape,
  maxSubdomainLength,
  'use letters, digits, "-", "_" and ".", such as "app.conf"',
)

/** IANA service name (RFC 6335): the name of a container's port. */
export const checkPortName: NameRule = text => {
  if (!portNameShape.test(text) || text.length > 15 || !/[a-z]/.test(text) || text.includes('--')) {
    return `${quote(text)} is not a port name: use at most 15 lower-case letters, digits and single "-", one letter at least`
  }
  return undefined
}

function rule(shape: RegExp, maxLength: number, allowed: string): NameRule {
  return text => {
    if (text.length > maxLength) return `${quote(text)} is ${text.length} characters long: use at most ${maxLength}`
    if (shape.test(text)) return undefined
    return text === '' ? `must not be empty: ${allowed}` : `${quote(text)} is not allowed: ${allowed}`
  }
}

/** A text inside a message, cut so that a hostile one does not fill the screen. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
