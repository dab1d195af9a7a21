import type { Command } from './command.ts'

/** Every command, loaded only when it is asked for: a command that needs no server starts without one. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  'baseline accept': async () => (await import('./baseline-tuning.ts')).baselineAcceptCommand,
  'baseline list': async () => (await import('./baseline-tuning.ts')).baselineListCommand,
  'baseline offers': async () => (await import('./baseline-tuning.ts')).baselineOffersCommand,
  'baseline show': async () => (await import('./baseline-tuning.ts')).baselineShowCommand,
  'baseline replay': async () => (await import('./baseline.ts')).baselineReplayCommand,
  'config check': async () => (await import('./config.ts')).configCheckCommand,
  'config show': async () => (await import('./config.ts')).configShowCommand,
  detect: async () => (await import('./detect.ts')).detectCommand,
  'intel import': async () => (await import('./intel.ts')).intelImportCommand,
  'intel lookup': async () => (await import('./intel.ts')).intelLookupCommand,
  'intel sources': async () => (await import('./intel.ts')).intelSourcesCommand,
  'playbook lint': async () => (await import('./playbook.ts')).playbookLintCommand,
  'playbook run': async () => (await import('./playbook.ts')).playbookRunCommand,
  'playbook test': async () => (await import('./playbook.ts')).playbookTestCommand,
  'policy decide': async () => (await import('./policy.ts')).policyDecideCommand,
  'policy analyze': async () => (await import('./policy-analyze.ts')).policyAnalyzeCommand,
  'policy diff': async () => (await import('./policy-diff.ts')).policyDiffCommand,
  'policy explain': async () => (await import('./policy.ts')).policyExplainCommand,
  'policy what-can': async () => (await import('./policy-what-can.ts')).policyWhatCanCommand,
  'policy who-can': async () => (await import('./policy-who-can.ts')).policyWhoCanCommand,
  'policy lint': async () => (await import('./policy.ts')).policyLintCommand,
  'rules canary': async () => (await import('./rules-canary.ts')).rulesCanaryCommand,
  'rules convert': async () => (await import('./rules-convert.ts')).rulesConvertCommand,
  'rules coverage': async () => (await import('./rules-coverage.ts')).rulesCoverageCommand,
  'rules disable': async () => (await import('./rules-state.ts')).rulesDisableCommand,
  'rules enable': async () => (await import('./rules-state.ts')).rulesEnableCommand,
  'rules exclusions add': async () => (await import('./rules-exclusions.ts')).rulesExclusionsAddCommand,
  'rules exclusions list': async () => (await import('./rules-exclusions.ts')).rulesExclusionsListCommand,
  'rules exclusions remove': async () => (await import('./rules-exclusions.ts')).rulesExclusionsRemoveCommand,
  'rules health': async () => (await import('./rules-health.ts')).rulesHealthCommand,
  'rules list': async () => (await import('./rules-list.ts')).rulesListCommand,
  'rules show': async () => (await import('./rules-list.ts')).rulesShowCommand,
  'rules state': async () => (await import('./rules-state.ts')).rulesStateCommand,
  'rules import': async () => (await import('./rules.ts')).rulesImportCommand,
  'rules backtest': async () => (await import('./rules-backtest.ts')).rulesBacktestCommand,
  'rules sync': async () => (await import('./rules-sync.ts')).rulesSyncCommand,
  'rules lint': async () => (await import('./rules.ts')).rulesLintCommand,
  'rules test': async () => (await import('./rules.ts')).rulesTestCommand,
  search: async () => (await import('./search.ts')).searchCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  serve: async () => (await import('./serve.ts')).serveCommand,
}

/** The commands' names, longest first, so that `config check` is tried before a command called `config`. */
export const commandNames: readonly string[] = Object.keys(commands).sort(
  (a, b) => b.split(' ').length - a.split(' ').length || (a < b ? -1 : 1),
)

export async function loadCommand(name: string): Promise<Command> {
  const load = commands[name]
  if (!load) throw new Error(`no command is called ${name}`)
  return load()
}
