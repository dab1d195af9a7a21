/** What the values of MISP's taxonomies of trust are worth, 0 to 100, and the weight of each.
 * @see MISP taxonomies (numerical_value) */
const taxonomies: Readonly<
  Record<string, { readonly weight: number; readonly values: Readonly<Record<string, number>> }>
> = {
  'admiralty-scale:source-reliability': { weight: 50, values: { a: 100, b: 75, c: 50, d: 25, e: 0, f: 50, g: 0 } },
  'admiralty-scale:information-credibility': { weight: 50, values: { 1: 100, 2: 75, 3: 50, 4: 25, 5: 0, 6: 50 } },
  'estimative-language:likelihood-probability': {
    weight: 50,
    values: {
      'almost-certain': 95,
      'very-likely': 80,
      likely: 70,
      'roughly-even-chance': 55,
      unlikely: 40,
      'very-unlikely': 20,
      'almost-no-chance': 5,
    },
  },
  'estimative-language:confidence-in-analytic-judgment': { weight: 50, values: { high: 95, moderate: 55, low: 0 } },
  'misp:confidence-level': {
    weight: 50,
    values: {
      'completely-confident': 100,
      'usually-confident': 75,
      'fairly-confident': 50,
      'rarely-confident': 25,
      unconfident: 0,
    },
  },
  'false-positive:risk': { weight: 50, values: { low: 75, medium: 50, high: 25 } },
}

/** The mean of what tags of trust are worth, by weight, over the taxonomies that are there; an attribute's tag goes
 * before one of its event. Undefined where no tag says anything.   @see MISP, decaying models (base score) */
export function baseScore(attribute: readonly string[], event: readonly string[]): number | undefined {
  let sum = 0
  let weights = 0
  for (const [name, { weight, values }] of Object.entries(taxonomies)) {
    const worth = worthOf(name, values, attribute) ?? worthOf(name, values, event)
    if (worth === undefined) continue
    sum += weight * worth
    weights += weight
  }
  return weights === 0 ? undefined : sum / weights
}

function worthOf(name: string, values: Readonly<Record<string, number>>, tags: readonly string[]): number | undefined {
  for (const tag of tags) {
    if (!tag.startsWith(`${name}=`)) continue
    const value = tag.slice(name.length + 1).replaceAll('"', '')
    if (Object.hasOwn(values, value)) return values[value]
  }
  return undefined
}
