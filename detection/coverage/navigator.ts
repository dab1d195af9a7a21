import { ATTACK_VERSION, techniques } from '../attack/attack.ts'
import type { Coverage, CoveredSubTechnique } from './coverage.ts'

/** A layer of the ATT&CK Navigator. */
export interface NavigatorLayer {
  readonly name: string
  readonly versions: { readonly attack: string; readonly navigator: string; readonly layer: '4.5' }
  readonly domain: 'enterprise-attack'
  readonly description: string
  readonly sorting: number
  readonly techniques: readonly NavigatorTechnique[]
  readonly gradient: { readonly colors: readonly string[]; readonly minValue: number; readonly maxValue: number }
  readonly legendItems: readonly { readonly label: string; readonly color: string }[]
  readonly metadata: readonly { readonly name: string; readonly value: string }[]
}

interface NavigatorTechnique {
  readonly techniqueID: string
  readonly tactic: string
  readonly score?: number
  readonly color?: string
  readonly comment: string
  readonly enabled: true
  readonly showSubtechniques: boolean
}

/** From this number of working rules on a technique has the fullest colour. */
const SCORE_MAX = 5
const NO_EVENTS = '#ffe2ad'

/** The coverage as a layer to open in the ATT&CK Navigator: the score is the number of rules whose events come, techniques
 * whose rules get no events have a colour of their own, and those without rules are left blank.
 * @see MITRE, ATT&CK Navigator, layer format 4.5 */
export function navigatorLayer({ tactics, summary, sourcesKnown }: Coverage, name: string): NavigatorLayer {
  const cells = tactics.flatMap((tactic) =>
    tactic.techniques.flatMap((technique) => {
      const subs = technique.subTechniques.filter(
        ({ id, state }) => state !== 'none' && techniques.get(id)?.tactics.includes(tactic.id),
      )
      const own =
        technique.state === 'none'
          ? []
          : [toCell(technique, tactic.id, { sourcesKnown, showSubtechniques: subs.length > 0 })]
      return [...own, ...subs.map((sub) => toCell(sub, tactic.id, { sourcesKnown, showSubtechniques: false }))]
    }),
  )
  const { covered, subTechniques } = summary
  return {
    name,
    versions: { attack: ATTACK_VERSION.split('.')[0] ?? ATTACK_VERSION, navigator: '5.1.0', layer: '4.5' },
    domain: 'enterprise-attack',
    description: `${summary.rules} rules cover ${covered} of ${summary.techniques} techniques and ${subTechniques.covered} of ${subTechniques.total} sub-techniques`,
    sorting: 0,
    techniques: cells,
    gradient: { colors: ['#cdebd6', '#86cfa0', '#2f9158'], minValue: 1, maxValue: SCORE_MAX },
    legendItems: [
      { label: '1 rule', color: '#cdebd6' },
      { label: `${SCORE_MAX} rules and more`, color: '#2f9158' },
      ...(sourcesKnown ? [{ label: 'rules, no events', color: NO_EVENTS }] : []),
    ],
    metadata: [{ name: 'ATT&CK', value: ATTACK_VERSION }],
  }
}

function toCell(
  { id, state, rules, delivered }: CoveredSubTechnique,
  tactic: string,
  { sourcesKnown, showSubtechniques }: { readonly sourcesKnown: boolean; readonly showSubtechniques: boolean },
): NavigatorTechnique {
  return {
    techniqueID: id,
    tactic,
    ...(state === 'covered' ? { score: delivered } : { color: NO_EVENTS }),
    comment: sourcesKnown ? `${delivered} of ${rules} rules have events` : `${rules} rules`,
    enabled: true,
    showSubtechniques,
  }
}
