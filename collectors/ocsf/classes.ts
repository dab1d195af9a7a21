import type { JsonObject } from '../../pipeline/index.ts'

/** One thing a class demands: any of these members, and what stands for it when the source has none. */
interface Requirement {
  readonly anyOf: readonly [string, ...string[]]
  readonly unknown: JsonObject
}

interface ClassEntry {
  readonly name: string
  readonly activities: Readonly<Record<number, string>>
  readonly requires: readonly Requirement[]
}

const actor: Requirement = { anyOf: ['actor'], unknown: { app_name: 'unknown' } }
const device: Requirement = { anyOf: ['device'], unknown: { name: 'unknown', type_id: 0 } }
const file: Requirement = { anyOf: ['file'], unknown: { name: 'unknown', type_id: 0 } }
const user: Requirement = { anyOf: ['user'], unknown: { name: 'unknown' } }
const endpoints: Requirement = { anyOf: ['src_endpoint', 'dst_endpoint'], unknown: { name: 'unknown' } }

const table = {
  0: { name: 'Base Event', activities: { 0: 'Unknown', 99: 'Other' }, requires: [] },
  1001: {
    name: 'File System Activity',
    activities: {
      0: 'Unknown',
      1: 'Create',
      2: 'Read',
      3: 'Update',
      4: 'Delete',
      5: 'Rename',
      6: 'Set Attributes',
      7: 'Set Security',
      14: 'Open',
      99: 'Other',
    },
    requires: [actor, device, file],
  },
  1002: {
    name: 'Kernel Extension Activity',
    activities: { 0: 'Unknown', 1: 'Load', 2: 'Unload', 99: 'Other' },
    requires: [actor, device, { anyOf: ['driver'], unknown: { file: { name: 'unknown', type_id: 0 } } }],
  },
  1005: {
    name: 'Module Activity',
    activities: { 0: 'Unknown', 1: 'Load', 2: 'Unload', 3: 'Invoke', 99: 'Other' },
    requires: [actor, device, { anyOf: ['module'], unknown: { load_type_id: 0 } }],
  },
  1006: {
    name: 'Scheduled Job Activity',
    activities: {
      0: 'Unknown',
      1: 'Create',
      2: 'Update',
      3: 'Delete',
      4: 'Enable',
      5: 'Disable',
      6: 'Start',
      99: 'Other',
    },
    requires: [device, { anyOf: ['job'], unknown: { name: 'unknown' } }],
  },
  1007: {
    name: 'Process Activity',
    activities: {
      0: 'Unknown',
      1: 'Launch',
      2: 'Terminate',
      3: 'Open',
      4: 'Inject',
      5: 'Set User ID',
      99: 'Other',
    },
    requires: [actor, device, { anyOf: ['process'], unknown: { pid: 0 } }],
  },
  1008: {
    name: 'Event Log Activity',
    activities: { 0: 'Unknown', 1: 'Clear', 99: 'Other' },
    requires: [],
  },
  1009: {
    name: 'Script Activity',
    activities: { 0: 'Unknown', 1: 'Execute', 99: 'Other' },
    requires: [actor, device, { anyOf: ['script'], unknown: { type_id: 0, script_content: { value: '' } } }],
  },
  3001: {
    name: 'Account Change',
    activities: {
      0: 'Unknown',
      1: 'Create',
      2: 'Enable',
      3: 'Password Change',
      4: 'Password Reset',
      5: 'Disable',
      6: 'Delete',
      9: 'Lock',
      12: 'Unlock',
      99: 'Other',
    },
    requires: [user],
  },
  3002: {
    name: 'Authentication',
    activities: {
      0: 'Unknown',
      1: 'Logon',
      2: 'Logoff',
      3: 'Authentication Ticket',
      4: 'Service Ticket Request',
      5: 'Service Ticket Renew',
      6: 'Preauth',
      7: 'Account Switch',
      99: 'Other',
    },
    requires: [user, { anyOf: ['service', 'dst_endpoint'], unknown: { name: 'unknown' } }],
  },
  3003: {
    name: 'Authorize Session',
    activities: { 0: 'Unknown', 1: 'Assign Privileges', 2: 'Assign Groups', 99: 'Other' },
    requires: [user, { anyOf: ['group', 'privileges'], unknown: { name: 'unknown' } }],
  },
  3006: {
    name: 'Group Management',
    activities: {
      0: 'Unknown',
      3: 'Add User',
      4: 'Remove User',
      5: 'Delete',
      6: 'Create',
      99: 'Other',
    },
    requires: [{ anyOf: ['group'], unknown: { name: 'unknown' } }],
  },
  4001: {
    name: 'Network Activity',
    activities: {
      0: 'Unknown',
      1: 'Open',
      2: 'Close',
      3: 'Reset',
      4: 'Fail',
      5: 'Refuse',
      6: 'Traffic',
      7: 'Listen',
      99: 'Other',
    },
    requires: [endpoints],
  },
  4002: {
    name: 'HTTP Activity',
    activities: {
      0: 'Unknown',
      1: 'Connect',
      2: 'Delete',
      3: 'Get',
      4: 'Head',
      5: 'Options',
      6: 'Post',
      7: 'Put',
      8: 'Trace',
      9: 'Patch',
      99: 'Other',
    },
    requires: [{ anyOf: ['http_request', 'http_response'], unknown: {} }],
  },
  4003: {
    name: 'DNS Activity',
    activities: { 0: 'Unknown', 1: 'Query', 2: 'Response', 6: 'Traffic', 99: 'Other' },
    requires: [endpoints],
  },
  4007: {
    name: 'SSH Activity',
    activities: { 0: 'Unknown', 1: 'Open', 2: 'Close', 3: 'Reset', 4: 'Fail', 5: 'Refuse', 99: 'Other' },
    requires: [endpoints],
  },
  6003: {
    name: 'API Activity',
    activities: { 0: 'Unknown', 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete', 99: 'Other' },
    requires: [
      actor,
      { anyOf: ['api'], unknown: { operation: 'unknown' } },
      { anyOf: ['src_endpoint'], unknown: { name: 'unknown' } },
    ],
  },
  201001: {
    name: 'Registry Key Activity',
    activities: { 0: 'Unknown', 1: 'Create', 2: 'Read', 3: 'Modify', 4: 'Delete', 5: 'Rename', 99: 'Other' },
    requires: [actor, device, { anyOf: ['reg_key'], unknown: { path: 'unknown' } }],
  },
  201002: {
    name: 'Registry Value Activity',
    activities: { 0: 'Unknown', 1: 'Get', 2: 'Set', 3: 'Modify', 4: 'Delete', 99: 'Other' },
    requires: [actor, device, { anyOf: ['reg_value'], unknown: { name: 'unknown', path: 'unknown' } }],
  },
  201004: {
    name: 'Windows Service Activity',
    activities: {
      0: 'Unknown',
      1: 'Create',
      2: 'Reconfigure',
      3: 'Start',
      4: 'Stop',
      99: 'Other',
    },
    requires: [actor, device, { anyOf: ['win_service'], unknown: { name: 'unknown', service_type_id: 0 } }],
  },
} as const satisfies Record<number, ClassEntry>

export type ClassUid = keyof typeof table

/** The classes this folder writes: their names, activities and demands beyond those of every event.
 * @see https://schema.ocsf.io/1.8.0/classes */
export const classes: Readonly<Record<ClassUid, ClassEntry>> = table
