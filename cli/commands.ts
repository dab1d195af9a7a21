import type { Command } from './command.ts'

/** Every command, loaded only when it is asked for: a command that needs no server starts without one. */
const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  'baseline accept': {
    summary: 'Set a baseline as one of the offers about a false alert says',
    load: async () => (await import('./baseline-tuning.ts')).baselineAcceptCommand,
  },
  'baseline list': {
    summary: 'List the baselines of a running service: how far each has learned, what it stated, how it is set',
    load: async () => (await import('./baseline-tuning.ts')).baselineListCommand,
  },
  'baseline offers': {
    summary: 'Say which settings would have kept a false alert back, and what else they would have hidden',
    load: async () => (await import('./baseline-tuning.ts')).baselineOffersCommand,
  },
  'baseline show': {
    summary: 'Show a baseline of a running service and what it stated lately, of all or of one entity',
    load: async () => (await import('./baseline-tuning.ts')).baselineShowCommand,
  },
  'baseline replay': {
    summary: 'Score recorded series row by row, as a stream would have brought them',
    load: async () => (await import('./baseline.ts')).baselineReplayCommand,
  },
  'config check': {
    summary: 'Check a configuration file and the environment',
    load: async () => (await import('./config.ts')).configCheckCommand,
  },
  'config show': {
    summary: 'Show the configuration in force and where each value came from; secrets are hidden',
    load: async () => (await import('./config.ts')).configShowCommand,
  },
  detect: {
    summary: 'Find what Sigma rules say in log files',
    load: async () => (await import('./detect.ts')).detectCommand,
  },
  'intel import': {
    summary: 'Import indicators: STIX bundles, MISP events and feed folders, CSV, NDJSON, plain lists',
    load: async () => (await import('./intel.ts')).intelImportCommand,
  },
  'intel lookup': {
    summary: 'Say what is known of an address, domain, URL, hash or mail address',
    load: async () => (await import('./intel.ts')).intelLookupCommand,
  },
  'intel sources': {
    summary: 'Show what the word of sources of indicators is worth, or set it',
    load: async () => (await import('./intel.ts')).intelSourcesCommand,
  },
  'playbook lint': {
    summary: 'Check playbooks',
    load: async () => (await import('./playbook.ts')).playbookLintCommand,
  },
  'playbook run': {
    summary: 'Save a playbook at the service, run it, and watch it',
    load: async () => (await import('./playbook.ts')).playbookRunCommand,
  },
  'playbook test': {
    summary: 'Run the tests that stand in playbooks',
    load: async () => (await import('./playbook.ts')).playbookTestCommand,
  },
  'policy decide': {
    summary: 'Decide requests by policies in files',
    load: async () => (await import('./policy.ts')).policyDecideCommand,
  },
  'policy analyze': {
    summary: 'Find redundant, dead, unused and over-wide statements, and ways to get more',
    load: async () => (await import('./policy-analyze.ts')).policyAnalyzeCommand,
  },
  'policy diff': {
    summary: 'Show what a new policy document grants and takes; fails on new access',
    load: async () => (await import('./policy-diff.ts')).policyDiffCommand,
  },
  'policy explain': {
    summary: 'Explain a refusal of the service by its decision id, or how requests in files are decided',
    load: async () => (await import('./policy.ts')).policyExplainCommand,
  },
  'policy what-can': {
    summary: 'Show what a user or role can do, now or under conditions',
    load: async () => (await import('./policy-what-can.ts')).policyWhatCanCommand,
  },
  'policy who-can': {
    summary: 'Show who can do an action on a resource, now or under conditions',
    load: async () => (await import('./policy-who-can.ts')).policyWhoCanCommand,
  },
  'policy lint': {
    summary: 'Check policy documents: errors with line and column, and what is rarely meant',
    load: async () => (await import('./policy.ts')).policyLintCommand,
  },
  'rules canary': {
    summary: 'Show what a canary found, or which rules are canaries',
    load: async () => (await import('./rules-canary.ts')).rulesCanaryCommand,
  },
  'rules convert': {
    summary: 'Turn Sigma rules into PPL searches, or into their compiled form',
    load: async () => (await import('./rules-convert.ts')).rulesConvertCommand,
  },
  'rules coverage': {
    summary: 'Show which ATT&CK techniques rules cover',
    load: async () => (await import('./rules-coverage.ts')).rulesCoverageCommand,
  },
  'rules disable': {
    summary: 'Have rules look at nothing',
    load: async () => (await import('./rules-state.ts')).rulesDisableCommand,
  },
  'rules enable': {
    summary: 'Run rules, so that what they find makes alerts',
    load: async () => (await import('./rules-state.ts')).rulesEnableCommand,
  },
  'rules exclusions add': {
    summary: 'Leave events out of a rule, apart from its text; an exclusion of that name is replaced',
    load: async () => (await import('./rules-exclusions.ts')).rulesExclusionsAddCommand,
  },
  'rules exclusions list': {
    summary: 'List what is left out of a rule, and how often that was needed',
    load: async () => (await import('./rules-exclusions.ts')).rulesExclusionsListCommand,
  },
  'rules exclusions remove': {
    summary: 'Have the events that an exclusion left out count again',
    load: async () => (await import('./rules-exclusions.ts')).rulesExclusionsRemoveCommand,
  },
  'rules health': {
    summary: 'Tell which rules never fire, fire too much, are mostly wrong or cost most, and what to do',
    load: async () => (await import('./rules-health.ts')).rulesHealthCommand,
  },
  'rules list': {
    summary: 'List the rules of a workspace',
    load: async () => (await import('./rules-list.ts')).rulesListCommand,
  },
  'rules show': {
    summary: 'Print a rule as it is kept; who changed it last, and how it is run, on stderr',
    load: async () => (await import('./rules-list.ts')).rulesShowCommand,
  },
  'rules state': {
    summary: 'Say how a rule is run, or change it: enabled, canary or disabled',
    load: async () => (await import('./rules-state.ts')).rulesStateCommand,
  },
  'rules import': {
    summary: 'Import a folder of Sigma rules',
    load: async () => (await import('./rules.ts')).rulesImportCommand,
  },
  'rules backtest': {
    summary: 'Try Sigma rules on the events of the last days',
    load: async () => (await import('./rules-backtest.ts')).rulesBacktestCommand,
  },
  'rules sync': {
    summary: 'Make the rules of a workspace that came from a folder equal to the folder',
    load: async () => (await import('./rules-sync.ts')).rulesSyncCommand,
  },
  'rules lint': {
    summary: 'Say what is wrong in Sigma rules',
    load: async () => (await import('./rules.ts')).rulesLintCommand,
  },
  'rules test': {
    summary: 'Run the tests that Sigma rules carry',
    load: async () => (await import('./rules.ts')).rulesTestCommand,
  },
  search: {
    summary: 'Search events with PPL',
    load: async () => (await import('./search.ts')).searchCommand,
  },
  token: {
    summary: 'Print an access token of the bootstrap user, for use with curl',
    load: async () => (await import('./token.ts')).tokenCommand,
  },
  serve: {
    summary: 'Run the service',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
}

/** The commands' names, longest first, so that `config check` is tried before a command called `config`. */
export const commandNames: readonly string[] = Object.keys(commands).sort(
  (a, b) => b.split(' ').length - a.split(' ').length || (a < b ? -1 : 1),
)

/** What a command does, in a line. */
export const summaryOf = (name: string): string => rowOf(name).summary

export async function loadCommand(name: string): Promise<Command> {
  return rowOf(name).load()
}

function rowOf(name: string) {
  const row = commands[name]
  if (!row) throw new Error(`no command is called ${name}`)
  return row
}
