export { type DetectSummary, detectFiles, type LineMatch } from './offline/detect-files.ts'
export { findInputFiles } from './offline/input-file.ts'
export { type RefusedRule, type RuleTree, readRuleTree } from './offline/rule-tree.ts'
