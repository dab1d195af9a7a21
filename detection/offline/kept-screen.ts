import type { RuleMatcher } from '../match/rule-matcher.ts'
import { LineScreen } from '../screen/line-screen.ts'
import { RuleCache } from './rule-cache.ts'
import type { RulesKept } from './rule-tree.ts'

/** A screen for the matcher, which goes on with what an earlier run learned of the same rules. */
export function takeUpScreen(matcher: RuleMatcher, kept: RulesKept | undefined): LineScreen {
  const screen = new LineScreen(matcher)
  const bytes = kept && new RuleCache(kept.folder).findScreen(kept.key)
  if (bytes) screen.takeUp(bytes)
  return screen
}

/** Keeps what the screen has learned for the next run, if that is much. */
export function keepScreen(screen: LineScreen, kept: RulesKept | undefined): void {
  if (!kept || !screen.hasLearned) return
  const cache = new RuleCache(kept.folder)
  const bytes = screen.keep()
  if (bytes) cache.keepScreen(kept.key, bytes)
  else cache.forgetScreen(kept.key)
}
