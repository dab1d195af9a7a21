import { readFileSync, writeFileSync } from 'node:fs'

// Makes detection/attack/attack-data.json of MITRE's published STIX: facts, no descriptions.
//   node scripts/attack-data.ts enterprise-attack.json
// from https://github.com/mitre-attack/attack-stix-data. Of several bundles each takes the place of what those before it
// say of the same object; a technique without detection strategies of its own has those of the techniques it replaced.

const OUT = new URL('../detection/attack/attack-data.json', import.meta.url)
/** Names of log sources that no log has: what is looked up elsewhere. */
const NO_LOGS = /^(None|Internet Scan|Malware Repository|Persona|Domain Name|Certificate|Social Media)$/i

interface Stix {
  readonly type: string
  readonly id: string
  readonly name: string
  readonly revoked?: boolean
  readonly x_mitre_deprecated?: boolean
  readonly external_references?: readonly { readonly source_name: string; readonly external_id?: string }[]
  readonly kill_chain_phases?: readonly { readonly phase_name: string }[]
  readonly x_mitre_platforms?: readonly string[]
  readonly x_mitre_shortname?: string
  readonly x_mitre_version?: string
  readonly modified?: string
  readonly tactic_refs?: readonly string[]
  readonly x_mitre_analytic_refs?: readonly string[]
  readonly x_mitre_log_source_references?: readonly {
    readonly name: string
    readonly x_mitre_data_component_ref: string
  }[]
  readonly relationship_type?: string
  readonly source_ref?: string
  readonly target_ref?: string
}

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('usage: node scripts/attack-data.ts BUNDLE…')
  process.exit(2)
}
const objects = new Map<string, Stix>()
let release: Stix | undefined
let strategiesOf: string | undefined
for (const file of files) {
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { readonly objects: readonly Stix[] }
  for (const object of bundle.objects) objects.set(object.id, object)
  release = bundle.objects.find(({ type }) => type === 'x-mitre-collection')
  if (bundle.objects.some(({ type }) => type === 'x-mitre-detection-strategy')) strategiesOf = release?.x_mitre_version
}
if (!release?.x_mitre_version) throw new Error('the last bundle has no x-mitre-collection: which release is it?')

const ofType = (type: string) => [...objects.values()].filter((object) => object.type === type)
const attackId = ({ external_references }: Stix) =>
  external_references?.find(({ source_name }) => source_name === 'mitre-attack')?.external_id ?? ''
const isGone = ({ revoked, x_mitre_deprecated }: Stix) => revoked === true || x_mitre_deprecated === true
const related = (kind: string) =>
  [...objects.values()].flatMap(({ relationship_type, source_ref, target_ref }) => {
    const source = objects.get(source_ref ?? '')
    const target = objects.get(target_ref ?? '')
    return relationship_type === kind && source && target ? [{ source, target }] : []
  })

const matrix = ofType('x-mitre-matrix').find((object) => !isGone(object) && attackId(object) === 'enterprise-attack')
const tactics = (matrix?.tactic_refs ?? []).map((ref) => {
  const tactic = objects.get(ref)
  return { key: attackId(tactic as Stix), id: tactic?.x_mitre_shortname ?? '', name: tactic?.name ?? '' }
})

const replaced = new Map(related('revoked-by').map(({ source, target }) => [attackId(source), attackId(target)]))
/** Along the chain of those that were replaced in turn. */
function successorOf(id: string): string {
  let at = id
  for (let hops = 0; replaced.has(at) && hops < 10; hops++) at = replaced.get(at) as string
  return at
}

const observed = new Map<string, { components: Set<string>; logSources: Set<string> }>()
for (const { source: strategy, target } of related('detects')) {
  if (isGone(strategy)) continue
  const id = attackId(target)
  const sum = observed.get(id) ?? { components: new Set(), logSources: new Set() }
  observed.set(id, sum)
  for (const ref of strategy.x_mitre_analytic_refs ?? []) {
    const analytic = objects.get(ref)
    if (!analytic || isGone(analytic)) continue
    for (const { name, x_mitre_data_component_ref } of analytic.x_mitre_log_source_references ?? []) {
      const component = objects.get(x_mitre_data_component_ref)
      if (component) sum.components.add(component.name)
      if (!NO_LOGS.test(name)) sum.logSources.add(name)
    }
  }
}
const former = [...replaced.keys()]
const observedOf = (id: string) =>
  observed.get(id) ?? {
    components: new Set(
      former.flatMap((old) => (successorOf(old) === id ? [...(observed.get(old)?.components ?? [])] : [])),
    ),
    logSources: new Set(
      former.flatMap((old) => (successorOf(old) === id ? [...(observed.get(old)?.logSources ?? [])] : [])),
    ),
  }

const byId = (a: Stix, b: Stix) => (attackId(a) < attackId(b) ? -1 : 1)
const patterns = ofType('attack-pattern').sort(byId)
const live = patterns.filter((pattern) => !isGone(pattern))
const components = [...new Set(live.flatMap((one) => [...observedOf(attackId(one)).components]))].sort()
const logSources = [...new Set(live.flatMap((one) => [...observedOf(attackId(one)).logSources]))].sort()
const platforms = [...new Set(live.flatMap((one) => one.x_mitre_platforms ?? []))].sort()
const places = (of: Iterable<string>, among: readonly string[]) =>
  [...of].map((one) => among.indexOf(one)).sort((a, b) => a - b)

const lines = [
  '{',
  `"version": ${JSON.stringify(release.x_mitre_version)}, "modified": ${JSON.stringify(release.modified)},`,
  `"logSourcesVersion": ${JSON.stringify(strategiesOf)},`,
  `"notice": "© The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation. See attack-data.LICENSE.txt.",`,
  `"tactics": ${JSON.stringify(tactics)},`,
  `"platforms": ${JSON.stringify(platforms)},`,
  `"components": ${JSON.stringify(components)},`,
  `"logSources": ${JSON.stringify(logSources)},`,
  // Name, and places of its tactics, platforms, data components and log sources in the lists above.
  '"techniques": {',
  live
    .map((one) => {
      const id = attackId(one)
      const phases = (one.kill_chain_phases ?? []).map(({ phase_name }) => phase_name)
      const seen = observedOf(id)
      const row = [
        one.name,
        places(
          phases,
          tactics.map((tactic) => tactic.id),
        ),
        places(one.x_mitre_platforms ?? [], platforms),
        places(seen.components, components),
        places(seen.logSources, logSources),
      ]
      return `${JSON.stringify(id)}: ${JSON.stringify(row)}`
    })
    .join(',\n'),
  '},',
  // Revoked or deprecated: name, and what took its place.
  '"former": {',
  patterns
    .filter((one) => isGone(one) && attackId(one) !== '')
    .map((one) => {
      const id = attackId(one)
      const next = successorOf(id)
      return `${JSON.stringify(id)}: ${JSON.stringify(next === id ? [one.name] : [one.name, next])}`
    })
    .join(',\n'),
  '}',
  '}',
]
writeFileSync(OUT, `${lines.join('\n')}\n`)
console.log(
  `ATT&CK Enterprise ${release.x_mitre_version}: ${live.length} techniques (${live.filter((one) => attackId(one).includes('.')).length} of them sub-techniques), ${tactics.length} tactics, ${patterns.length - live.length} former ones`,
)
