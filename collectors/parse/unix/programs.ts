import { readAccounts } from './accounts.ts'
import { readAudit } from './audit.ts'
import { readCron } from './cron.ts'
import type { UnixReader } from './message.ts'
import { readPam } from './pam.ts'
import { readSshd } from './sshd.ts'
import { readSu, readSudo } from './sudo.ts'

interface Program {
  /** Sigma's name of the log it writes to. */
  readonly service: string
  readonly read: UnixReader
}

const sshd: Program = { service: 'sshd', read: readSshd }
const cron: Program = { service: 'cron', read: readCron }
const accounts: Program = { service: 'auth', read: readAccounts }
const auditd: Program = { service: 'auditd', read: readAudit }
const signIn: Program = { service: 'auth', read: readPam }

const programs: ReadonlyMap<string, Program> = new Map([
  ['sshd', sshd],
  // Since OpenSSH 9.8 each connection has a process of its own name.
  ['sshd-session', sshd],
  ['sshd-auth', sshd],
  ['sudo', { service: 'sudo', read: readSudo }],
  ['su', { service: 'auth', read: readSu }],
  ['cron', cron],
  ['crond', cron],
  ['crontab', cron],
  ['anacron', cron],
  ['useradd', accounts],
  ['usermod', accounts],
  ['userdel', accounts],
  ['groupadd', accounts],
  ['groupmod', accounts],
  ['groupdel', accounts],
  ['gpasswd', accounts],
  ['passwd', accounts],
  ['chpasswd', accounts],
  ['chage', accounts],
  ['adduser', accounts],
  ['login', signIn],
  ['systemd-logind', signIn],
  ['polkitd', signIn],
  ['gdm-password', signIn],
  ['vsftpd', { service: 'vsftpd', read: readPam }],
  ['clamd', { service: 'clamav', read: () => undefined }],
  ['guacd', { service: 'guacamole', read: () => undefined }],
  ['audit', auditd],
  ['auditd', auditd],
  ['audispd', auditd],
])

/** Facilities whose messages go to the authentication log (auth, authpriv) and to cron's.   @see RFC 5424 6.2.1 */
const AUTH = 4
const CRON = 9
const AUTHPRIV = 10

/** Who reads a program's messages, and the log they belong to by Sigma's names. */
export function programOf(appname: string, facility: number): Program {
  const program = programs.get(appname) ?? programs.get(appname.toLowerCase())
  if (program !== undefined) return program
  if (facility === AUTH || facility === AUTHPRIV) return signIn
  return { service: facility === CRON ? 'cron' : 'syslog', read: () => undefined }
}
