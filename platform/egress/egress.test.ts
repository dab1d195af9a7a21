import { describe, expect, it } from 'vitest'
import { Egress } from './egress.ts'

const verdict = async (entries: readonly string[], host: string, port: number) => {
  const found = await new Egress(entries).check(host, port)
  return found.ok ? found.addresses.map((address) => address.address).join(',') : found.code
}

describe('where playbooks may connect', () => {
  it.each([
    // Nothing is listed.
    [[], '127.0.0.1', 80, 'forbidden'],
    [[], '192.0.2.1', 80, 'forbidden'],
    [[], 'localhost', 80, 'forbidden'],
    // Networks
    [['192.0.2.0/24'], '192.0.2.7', 80, '192.0.2.7'],
    [['192.0.2.0/24'], '192.0.3.7', 80, 'forbidden'],
    [['192.0.2.0/24:443'], '192.0.2.7', 443, '192.0.2.7'],
    [['192.0.2.0/24:443'], '192.0.2.7', 80, 'forbidden'],
    [['192.0.2.7'], '192.0.2.7', 80, '192.0.2.7'],
    [['127.0.0.1:8080'], '127.0.0.1', 8080, '127.0.0.1'],
    [['127.0.0.1:8080'], '127.0.0.1', 8081, 'forbidden'],
    [['::1'], '[::1]', 80, '::1'],
    [['[::1]:8080'], '[::1]', 8080, '::1'],
    [['[::1]:8080'], '[::1]', 80, 'forbidden'],
    [['2001:db8::/32'], '[2001:db8::5]', 80, '2001:db8::5'],
    [['0.0.0.0/0'], '[::1]', 80, 'forbidden'],
    // An address in other clothes is the address.
    [['::/0'], '[::ffff:127.0.0.1]', 80, 'forbidden'],
    [['::/0'], '[::ffff:7f00:1]', 80, 'forbidden'],
    [['127.0.0.0/8'], '[::ffff:7f00:1]', 80, '127.0.0.1'],
    [['::/0'], '[64:ff9b::7f00:1]', 80, 'forbidden'],
    // Names; localhost is in every hosts file.
    [['localhost'], 'localhost', 80, /127\.0\.0\.1|::1/],
    [['localhost:8080'], 'LOCALHOST.', 8080, /127\.0\.0\.1|::1/],
    [['localhost:8080'], 'localhost', 80, 'forbidden'],
    [['127.0.0.0/8', '::1'], 'localhost', 80, /127\.0\.0\.1|::1/],
    [['10.0.0.0/8'], 'localhost', 80, 'forbidden'],
    [['*.invalid'], 'a.invalid', 80, 'network'],
    [['*.invalid'], 'invalid', 80, 'forbidden'],
    [['*.invalid'], 'a.b.invalid', 80, 'network'],
    [['*.invalid'], 'xinvalid', 80, 'forbidden'],
    [['a.invalid'], 'b.a.invalid', 80, 'forbidden'],
  ] as [string[], string, number, string | RegExp][])('%j: %s port %i', async (entries, host, port, expected) => {
    const found = await verdict(entries, host, port)
    if (typeof expected === 'string') expect(found).toBe(expected)
    else expect(found).toMatch(expected)
  })

  it.each([
    '',
    'a b',
    'http://a',
    'a:0',
    'a:70000',
    '10.0.0.0/33',
    '10.0.0/8',
    '*',
    '*.',
    'a/b',
    '1.2.3',
    '[::1',
    '-a',
  ])('refuses the entry `%s`', (entry) => {
    expect(() => new Egress([entry])).toThrow(/is no host/)
  })
})
