import { describe, expect, it } from 'vitest'
import { QueryProblem } from './errors.ts'
import { queryLimits } from './limits.ts'
import { parseCondition, parseQuery, printQuery } from './parse.ts'
import { printExpression } from './print-expression.ts'

const printed = (text: string) => printQuery(parseQuery(text, queryLimits))
const condition = (text: string) => printExpression(parseCondition(text, queryLimits))
const problem = (text: string): QueryProblem => {
  try {
    parseQuery(text, queryLimits)
  } catch (error) {
    if (error instanceof QueryProblem) return error
    throw error
  }
  throw new Error(`no problem with ${text}`)
}

describe('expressions', () => {
  it.each([
    ['a = 1 or b = 2 and not c = 3', 'a = 1 or b = 2 and not c = 3'],
    ['(a = 1 or b = 2) and c = 3', '(a = 1 or b = 2) and c = 3'],
    ['a xor b and c', 'a xor b and c'],
    ['not (a and b)', 'not (a and b)'],
    ['NOT a IN (1, 2)', 'not a in (1, 2)'],
    ['a not in (1,"x")', "a not in (1, 'x')"],
    ['a BETWEEN 1 AND 2 AND b', 'a between 1 and 2 and b'],
    ['a IS NOT NULL and b is null', 'a is not null and b is null'],
    ['1 + 2 * 3 - 4 % 5', '1 + 2 * 3 - 4 % 5'],
    ['(1 + 2) * 3', '(1 + 2) * 3'],
    ['1 - (2 - 3)', '1 - (2 - 3)'],
    ['-a + -1', '-a + -1'],
    ['a == 1', 'a = 1'],
    ["a like 'x%'", "a like 'x%'"],
    ["'it''s \\\\ \\d'", "'it''s \\\\ \\\\d'"],
    ['"say \\"hi\\""', '\'say "hi"\''],
    ['`a b`.c', '`a b.c`'],
    ['`a.b`', 'a.b'],
    ['`and`', '`and`'],
    ['@timestamp', '@timestamp'],
    ['log-name = 1', '`log-name` = 1'],
    ['count', 'count'],
    ['case(a > 1, 2, b, 3 else 4)', 'case(a > 1, 2, b, 3 else 4)'],
    ['cast(a as INT)', 'cast(a as int)'],
    ['interval 5 minute', 'interval (5) minute'],
    ["timestamp '2024-01-01 00:00:00'", "timestamp '2024-01-01 00:00:00'"],
    ["position('a' in b)", "position('a' in b)"],
    ['extract(year from a)', 'extract(year from a)'],
    ['f(x -> x + 1, (a, b) -> a)', 'f(x -> x + 1, (a, b) -> a)'],
    ["match(a, 'b', operator='AND')", "match(a, 'b', operator='AND')"],
    ['1.50', '1.5'],
    ['2.0', '2.0'],
    ['.5', '0.5'],
    ['1e3', '1000.0'],
    ['9223372036854775807', '9223372036854775807'],
    ['true and false or null', 'true and false or null'],
    ['a /* comment */ + // more\n 1', 'a + 1'],
  ])('%s is read and printed', (text, wanted) => {
    expect(condition(text)).toBe(wanted)
    expect(condition(wanted)).toBe(wanted)
  })
})

describe('queries', () => {
  it.each([
    ['source=logs', 'source=logs'],
    ['search source = logs', 'source=logs'],
    ['| source=logs |', 'source=logs'],
    ['source=a, b', 'source=a, b'],
    ['source=web*', 'source=`web*`'],
    ['search a="x" OR b>1 c source=logs', "source=logs (a='x' or b>1) and 'c'"],
    ['source=logs NOT a=1 and (b=2 c=3 or d=4)', 'source=logs not a=1 and b=2 and (c=3 or d=4)'],
    ['source=logs earliest=-7d@d latest=now error*', "source=logs earliest='-7d@d' and latest='now' and 'error*'"],
    ['source=logs | where a = 1;', 'source=logs | where a = 1'],
    ['source=logs | fields a b, c*', 'source=logs | fields a, b, `c*`'],
    ['source=logs | fields - a', 'source=logs | fields - a'],
    ['source=logs | sort - a, + b, c desc', 'source=logs | sort - a, b, - c'],
    ['source=logs | sort 5 num(a) d', 'source=logs | sort 5 - num(a)'],
    ['source=logs | head', 'source=logs | head 10'],
    ['source=logs | head 3 from 2', 'source=logs | head 3 from 2'],
    ['source=logs | dedup 2 a, b keepempty=true', 'source=logs | dedup 2 a, b keepempty=true'],
    ['source=logs | rename a as b, c* as d*', 'source=logs | rename a as b, `c*` as `d*`'],
    ['source=logs | eval a = 1, b = a + 1', 'source=logs | eval a = 1, b = a + 1'],
    [
      'source=logs | stats count(), avg( x ) as y by a, span(t, 5m) as s',
      'source=logs | stats count(), avg( x ) as y by a, span(t, 5m) as s',
    ],
    ['source=logs | stats bucket_nullable=false c by a', 'source=logs | stats bucket_nullable=false c by a'],
    ['source=logs | top 3 a by b', 'source=logs | top 3 a by b'],
    ["source=logs | parse a '(?<x>.)'", "source=logs | parse a '(?<x>.)'"],
    [
      "source=logs | rex field=a max_match=3 '(?<x>.)' offset_field=o",
      "source=logs | rex field=a max_match=3 offset_field=o '(?<x>.)'",
    ],
    ["source=logs | rex field=a mode=sed 's/a/b/g'", "source=logs | rex field=a mode=sed 's/a/b/g'"],
    ["source=logs | regex a != 'x'", "source=logs | regex a!='x'"],
    ['source=logs | fillnull with 0 in a, b', 'source=logs | fillnull using a = 0, b = 0'],
    ["source=logs | fillnull value='x'", "source=logs | fillnull with 'x'"],
    [
      'source=logs | eventstats bucket_nullable=false count() as n by a',
      'source=logs | eventstats bucket_nullable=false count() as n by a',
    ],
    [
      'source=logs | streamstats window=3 current=false sum(x) as s by a',
      'source=logs | streamstats current=false window=3 sum(x) as s by a',
    ],
    [
      'source=logs | trendline sort - t sma(2, x) wma(3, y) as z',
      'source=logs | trendline sort - t sma(2, x) as x_trendline wma(3, y) as z',
    ],
    ['source=logs | mvexpand tags limit=2', 'source=logs | expand tags limit=2'],
    ['source=logs | expand tags as tag', 'source=logs | expand tags as tag'],
    ['source=logs | reverse', 'source=logs | reverse'],
    ['source=a | lookup b id as x, k replace c as d, e', 'source=a | lookup b id as x, k replace c as d, e'],
    ['source=a | append [ search source=b x=1 | head ]', 'source=a | append [ source=b x=1 | head 10 ]'],
    ['source=logs | bin a span=2log10 as b', 'source=logs | bin a span=2log10 as b'],
    ['source=logs | bin a bins=5 start=1', 'source=logs | bin a bins=5'],
    ['source=logs | bin a start=-1 end=9.5', 'source=logs | bin a start=-1 end=9.5'],
    ["source=logs | bin t span=2h aligntime='@d+3h'", "source=logs | bin t span=2h aligntime='@d+3h'"],
    [
      'source=logs | timechart span=5m limit=3 count() by a useother=false',
      'source=logs | timechart span=5m limit=3 useother=false count() by a',
    ],
    ['source=logs | timechart avg(x) as y', 'source=logs | timechart span=1m avg(x) as y'],
    ["source=logs | rare countfield='n' usenull=false a", "source=logs | rare 10 countfield='n' usenull=false a"],
  ])('%s is read and printed', (text, wanted) => {
    expect(printed(text)).toBe(wanted)
    expect(printed(wanted)).toBe(wanted)
  })

  it.each([
    ['', 'pipeline.query.syntax', 0, /expected `source=` and the name of a pipe, but the query ends/],
    ['source=logs | wher a', 'pipeline.query.unknownCommand', 14, /unknown command `wher`; did you mean `where`\?/],
    ['source=logs | where', 'pipeline.query.syntax', 19, /expected a field, a value or a function, but the query ends/],
    ['source=logs | where a = = 1', 'pipeline.query.syntax', 24, /there is `=`/],
    ['source=logs | where (a', 'pipeline.query.syntax', 22, /expected `\)`/],
    ['source=logs | where a in ()', 'pipeline.query.syntax', 25, /this list is empty/],
    ["source=logs | where a = 'x", 'pipeline.query.syntax', 24, /no closing '/],
    ['source=logs | where `a', 'pipeline.query.syntax', 20, /no closing backtick/],
    ['source=logs | where a*b > 1', 'pipeline.query.syntax', 20, /put spaces around `\*` to multiply/],
    ['source=logs /* x', 'pipeline.query.syntax', 12, /comment has no closing/],
    ['source=logs | where ^', 'pipeline.query.syntax', 20, /`\^` means nothing here/],
    ['source=logs | head x', 'pipeline.query.syntax', 19, /expected/],
    ['source=logs | where a = 1e999', 'pipeline.query.badValue', 24, /too large/],
    ['source=logs | sort + a desc', 'pipeline.query.syntax', 23, /direction is given by the sign/],
  ])('%s is refused', (text, code, start, message) => {
    const found = problem(text)
    expect(found.code).toBe(code)
    expect(found.message).toMatch(message)
    expect(found.span.start).toBe(start)
  })
})

describe('limits', () => {
  const code = (text: string) => problem(text).code

  it('refuse a megabyte of query at once', () => {
    expect(code(`source=logs | where a = '${'x'.repeat(1_000_000)}'`)).toBe('pipeline.query.tooLarge')
  })

  it('refuse too many words and signs', () => {
    expect(code(`source=logs | where ${'a+'.repeat(6000)}a > 1`)).toBe('pipeline.query.tooLarge')
  })

  it.each([
    ['brackets', `${'('.repeat(5000)}a${')'.repeat(5000)}`],
    ['signs', `${'- '.repeat(5000)}a`],
    ['nots', `${'not '.repeat(5000)}a`],
    ['calls', `${'abs('.repeat(3000)}a${')'.repeat(3000)}`],
    ['chains', `a ${'+ a '.repeat(3000)}`],
    ['comparisons', `a ${'= a '.repeat(3000)}`],
    ['lists', `${'['.repeat(5000)}${']'.repeat(5000)}`],
    ['cases', `${'case(a, '.repeat(2000)}a${')'.repeat(2000)}`],
  ])('refuse deep nesting of %s', (_, text) => {
    expect(code(`source=logs | where ${text}`)).toBe('pipeline.query.tooLarge')
    expect(code(`source=logs ${'('.repeat(5000)}a=1${')'.repeat(5000)}`)).toBe('pipeline.query.tooLarge')
  })

  it('refuse long lists and long pipelines, but not wide conditions', () => {
    expect(code(`source=logs | where a in (${'1,'.repeat(2500)}1)`)).toBe('pipeline.query.tooLarge')
    expect(code(`source=logs ${'| head '.repeat(101)}`)).toBe('pipeline.query.tooLarge')
    const wide = Array.from({ length: 2000 }, (_, i) => `a=${i}`).join(' or ')
    expect(printed(`source=logs | where ${wide}`)).toContain('a = 1999')
  })

  it('do not let many open comments cost more than one', () => {
    expect(code(`source=logs ${'/* '.repeat(20_000)}`)).toBe('pipeline.query.syntax')
  })
})
