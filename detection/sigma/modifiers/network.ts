import { parseCidr } from '../../match/ip.ts'
import { literalOf } from '../pattern.ts'
import { nameOfValue, type ValueModifier } from '../value.ts'

/** `cidr`, both families.   @see RFC 4632 3.1, RFC 4291 2.3 */
export const networkModifiers: Readonly<Record<string, ValueModifier>> = {
  cidr: (value, context) => {
    if (context.applied.length > 0) return `has to come first; \`${context.applied.join('|')}\` stands before it`
    if (value.kind !== 'text') return `takes a network such as 10.0.0.0/8, not ${nameOfValue(value)}`
    const cidr = literalOf(value.pattern)
    if (cidr === undefined || parseCidr(cidr) === undefined) {
      return `takes a network such as 10.0.0.0/8 or 2001:db8::/32; \`${cidr ?? 'a text with wildcards'}\` is none`
    }
    return { kind: 'network', cidr }
  },
}
