import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { formOfFile } from './form.ts'

const kindOf = (text: string | Buffer, name = 'x.log', isWhole = true) => {
  const form = formOfFile(Buffer.from(text as string), name, isWhole)
  return form.kind === 'table' ? form.table : form.kind
}

describe('the form of a file', () => {
  test.each<[string, string, string]>([
    ['nothing', '', 'lines'],
    ['syslog', 'Nov 28 10:00:00 h sshd[1]: a, b, c\nNov 28 10:00:00 h sshd[1]: a, b, c\n', 'lines'],
    ['CEF', 'CEF:0|a|b|1|2|n|5|src=1\nCEF:0|a|b|1|2|n|5|src=1\n', 'lines'],
    ['a line an object', '{"a":1}\n{"b":2}\n', 'lines'],
    ['an object on one line', '{"Records":[{"a":1}]}', 'lines'],
    ['a first line cut off', '{"a":\n{"b":2}\n', 'lines'],
    ['a first line cut off after a comma', '{"a":1,\n{"b":2}\n', 'lines'],
    ["Apache's error log", '[Sun Nov 29 06:00:00 2026] [error] x\n', 'lines'],
    ['lists on lines', '[1,2]\n[3]\n', 'lines'],
    ['an array', ' [\n {"a":1}]', 'document'],
    ['an array on one line', '[{"a":1},{"b":2}]', 'document'],
    ['an empty array', '[]\n', 'document'],
    ['a pretty object', '{\n  "Records": [\n', 'document'],
    ['the same otherwise', '{ "Records": [\r\n  {\r\n "a": 1', 'document'],
    ['a name a line', '{"a":\n  1}', 'document'],
    ['commas in front', '{ "a": 1\n, "b": 2\n}', 'document'],
    ['Zeek', '#separator \\x09\n#path\tdns\n#fields\tts\n', 'zeek'],
    ['Zeek without a separator', '#fields\tts\tuid\n', 'zeek'],
    ['IIS', '#Software: IIS\r\n#Version: 1.0\r\n#Fields: date time\r\n', 'w3c'],
    ['a script', '#!/bin/sh\n# Fields\n', 'lines'],
    ['CSV', 'time,user,action\n1,ann,"a, b"\n2,bob,c\n', 'csv'],
    ['CSV of tabs', 'time\tuser\taction\n1\tann\ta\n', 'csv'],
    ['CSV of PowerShell', '#TYPE System.X\r\n"Time","User","Act"\r\n"1","ann","x"\r\n', 'csv'],
    ['a head alone', 'time,user,action\n', 'lines'],
    ['rows of other lengths', 'Error, in line, 7\nno such file\n', 'lines'],
    ['two columns', 'Hello, world\nHello, moon\n', 'lines'],
    ['a name twice', 'a,a,b\n1,2,3\n', 'lines'],
  ])('is told by its first lines: %s', (_, text, kind) => {
    expect(kindOf(text)).toBe(kind)
  })

  test('is CSV by its name where the first row holds names', () => {
    expect(kindOf('user;action\n', 'x.csv')).toBe('csv')
    expect(kindOf('a\tb\n', 'x.TSV.gz')).toBe('csv')
    expect(kindOf('2026-01-01T00:00:00Z,ann,x\n', 'x.csv')).toBe('lines')
    expect(kindOf('10.0.0.1,ann\n', 'x.csv')).toBe('lines')
    expect(kindOf(`${Array.from({ length: 100_000 }, (_, i) => `c${i}`).join(',')}\n`, 'x.csv')).toBe('lines')
  })

  test('does not judge by a line that may go on', () => {
    expect(kindOf('time,user,action\n1,ann,a\n2,bo', 'x.log', false)).toBe('csv')
    expect(kindOf('time,user,action\n1,ann', 'x.log', false)).toBe('lines')
  })

  test('is no text where it is packed, a picture, a program, or UTF-16', () => {
    const what = (bytes: Buffer) => {
      const form = formOfFile(bytes, 'x', true)
      return form.kind === 'binary' ? form.what : form.kind
    }
    expect(what(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))).toBe('a PNG picture')
    expect(what(Buffer.from('PK\x03\x04xxxx', 'latin1'))).toContain('unpack it first')
    expect(what(Buffer.from('ElfFile\x00aaaa', 'latin1'))).toBe('chunks')
    expect(what(Buffer.from('Nov 28 10:00:00 h a: b\n', 'utf16le'))).toContain('UTF-16')
    expect(what(Buffer.from('\ufeffNov 28', 'utf16le'))).toContain('UTF-16')
    expect(what(Buffer.alloc(500))).toBe('nothing but zero bytes')
    const packed = deflateSync(Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i * i},`).join('')))
    expect(what(packed.subarray(2))).toBe('no text')
  })

  test('is text with bytes of other alphabets, with colours, and with what a power cut left', () => {
    expect(kindOf(Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2, 0x20, 0x0a]))).toBe('lines')
    expect(kindOf('\x1b[31mred\x1b[0m\n')).toBe('lines')
    expect(kindOf(`${'\0'.repeat(4000)}Nov 28 10:00:00 h sshd[1]: a\n${'Nov 28 10:00:00 h a: b\n'.repeat(20)}`)).toBe(
      'lines',
    )
  })
})
