import { describe, expect, it } from 'vitest'
import { formatCursor, parseCursor } from './cursor.ts'
import { etagOf, requireMatch } from './etag.ts'

describe('If-Match', () => {
  it.each([undefined, '*', '"7"', '"3", "7"', ' "7" '])('lets %j through at revision 7', (ifMatch) => {
    expect(() => requireMatch(ifMatch, 7)).not.toThrow()
  })

  it.each(['"6"', 'W/"7"', '"77"'])('refuses %j at revision 7 and names the revision', (ifMatch) => {
    expect(() => requireMatch(ifMatch, 7)).toThrow(`send If-Match: ${etagOf(7)}`)
  })

  it.each(['7', '"7', '', '"a"b"'])('calls %j malformed', (ifMatch) => {
    expect(() => requireMatch(ifMatch, 7)).toThrow('entity tags in quotes')
  })
})

describe('a cursor', () => {
  it('gives back the place it was made of', () => {
    for (const place of ['a', 'ä/ö', '0190-1']) expect(parseCursor(formatCursor(place))).toBe(place)
    expect(parseCursor(undefined)).toBeUndefined()
  })

  it.each(['', '!', 'YQ==', '_', 'AA', '/w'])('that no list gave is refused: %j', (cursor) => {
    expect(() => parseCursor(cursor)).toThrow('is not one that a list gave')
  })
})
