import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventStore, JsonObject } from '../index.ts'
import { anEvent, appendRecords, aShard, column, found, search } from './contract-support.ts'
import type { OpenedStore } from './event-store.contract.ts'

const people: readonly JsonObject[] = [
  { name: 'Amber', age: 32, dept: 'IT', city: 'Brogan', score: 1.5 },
  { name: 'Hattie', age: 36, dept: 'IT' },
  { name: 'Nanette', age: 28, dept: 'HR', city: 'Nogal', score: -2.5 },
  { name: 'Dale', age: 33, city: 'Orick' },
  { name: 'Bob', dept: 'HR', city: 'Brogan', score: 1.5 },
]

/** What each command and operator means, the same on every store. */
export function pplSemanticsContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`PPL semantics: ${name}`, () => {
    let opened: OpenedStore
    let store: EventStore

    beforeAll(async () => {
      opened = await open()
      store = opened.store
      await appendRecords(store, people, aShard('people'))
      await store.declare(aShard('nets'), { ip: 'ip' })
      await appendRecords(
        store,
        ['10.1.2.3', '::ffff:10.0.0.1', '2001:db8::5', '192.168.0.1', 'none'].map((ip) => ({ ip, text: ip })),
        aShard('nets'),
      )
      await appendRecords(
        store,
        [
          { message: 'Payment failed: timeout for user@example.com' },
          { message: 'failover done\n\tuser logged in' },
          { message: 'PAYMENT accepted' },
        ],
        aShard('texts'),
      )
      await appendRecords(store, [{}], aShard('one'))
    })
    afterAll(() => opened?.remove())

    const names = (commands: string) => column(store, `source=people | ${commands} | fields name`)
    const value = async (expression: string) =>
      (await column(store, `source=one | eval x = ${expression} | fields x`))[0]

    describe('where', () => {
      it.each([
        ['age > 32', ['Hattie', 'Dale']],
        ["dept = 'IT'", ['Amber', 'Hattie']],
        ["dept != 'IT'", ['Nanette', 'Bob']],
        ["not dept = 'IT'", ['Nanette', 'Bob']],
        ["dept in ('IT', 'HR') and age < 33", ['Amber', 'Nanette']],
        ["dept not in ('IT')", ['Nanette', 'Bob']],
        ['age not between 30 and 33', ['Hattie', 'Nanette']],
        ['dept is null', ['Dale']],
        ['isnotnull(age) and ispresent(dept)', ['Amber', 'Hattie', 'Nanette']],
        ["dept = 'IT' or age = 33", ['Amber', 'Hattie', 'Dale']],
        ["dept = 'IT' xor age > 33", ['Amber']],
        ['null or age > 35', ['Hattie']],
        ["name like 'a%'", ['Amber']],
        ["name like '%A%'", ['Amber', 'Hattie', 'Nanette', 'Dale']],
        ["like(name, 'A%', true)", ['Amber']],
        ["name like '_a%e'", ['Hattie', 'Nanette', 'Dale']],
        ["name contains 'BER'", ['Amber']],
        ["name regexp 'tt'", ['Hattie', 'Nanette']],
        ["age = '32'", ['Amber']],
        ["age > 'many'", []],
        ['age / 2 = 16', ['Amber', 'Dale']],
        ['length(name) = age - 27', ['Amber']],
        ["concat(dept, '-', city) = 'HR-Nogal'", ['Nanette']],
        ['score = 1.5', ['Amber', 'Bob']],
      ])('%s', async (condition, expected) => {
        expect(await names(`where ${condition}`)).toEqual(expected)
      })

      it.each([
        ['name', /a condition is needed/],
        ['age + 1', /a condition is needed/],
        ['abs(name, 1) > 1', /takes 1 arguments/],
        ["time > 'yesterday'", /this is no timestamp/],
        ['time > 5', /cannot be compared/],
        ['interval 1 day', /can only be added to a time/],
        ["name regexp '(?=a)'", /look-around/],
        ['nofunction(1)', /unknown function/],
      ])('refuses %s', async (condition, message) => {
        await expect(search(store, `source=people | where ${condition}`)).rejects.toMatchObject({
          status: 422,
          message,
        })
      })
    })

    describe('sort', () => {
      it.each([
        ['sort age', ['Bob', 'Nanette', 'Amber', 'Dale', 'Hattie']],
        ['sort - age', ['Hattie', 'Dale', 'Amber', 'Nanette', 'Bob']],
        ['sort dept desc, age', ['Amber', 'Hattie', 'Bob', 'Nanette', 'Dale']],
        ['sort dept', ['Dale', 'Nanette', 'Bob', 'Amber', 'Hattie']],
        ['sort 2 - age', ['Hattie', 'Dale']],
        ['sort score | sort dept', ['Dale', 'Nanette', 'Bob', 'Hattie', 'Amber']],
        ['sort str(age)', ['Bob', 'Nanette', 'Amber', 'Dale', 'Hattie']],
        ['sort nowhere', ['Amber', 'Hattie', 'Nanette', 'Dale', 'Bob']],
      ])('%s', async (commands, expected) => {
        expect(await names(commands)).toEqual(expected)
      })
    })

    describe('head, dedup, fields, rename, eval', () => {
      it.each([
        ['head 2', ['Amber', 'Hattie']],
        ['head 2 from 1', ['Hattie', 'Nanette']],
        ['sort - age | head 1', ['Hattie']],
        ['head 0', []],
        ['dedup dept', ['Amber', 'Nanette']],
        ['sort - age | dedup dept', ['Hattie', 'Nanette']],
        ['dedup 2 dept', ['Amber', 'Hattie', 'Nanette', 'Bob']],
        ['dedup dept keepempty=true', ['Amber', 'Nanette', 'Dale']],
        ['dedup dept, city', ['Amber', 'Nanette', 'Bob']],
      ])('%s', async (commands, expected) => {
        expect(await names(commands)).toEqual(expected)
      })

      it('fields keeps, leaves out, and takes wildcards', async () => {
        const columns = async (commands: string) =>
          (await search(store, `source=people | ${commands}`)).schema.map((field) => field.name)
        expect(await columns('fields dept, name')).toEqual(['dept', 'name'])
        expect(await columns('fields *e')).toEqual(['age', 'name', 'score', 'time'])
        expect(await columns('fields name, age, city | fields - age')).toEqual(['name', 'city'])
        expect(await columns('fields - n*, _id, raw_data, parse_error, time')).toEqual(['age', 'dept', 'city', 'score'])
        expect(await columns('eval twice = age * 2 | fields - age | fields twice, age')).toEqual(['twice', 'age'])
      })

      it('shows all fields unless told otherwise, missing ones as null', async () => {
        const { schema, rows } = await search(store, 'source=people | head 2')
        const shown = schema.map((field) => field.name)
        expect(shown).toEqual(['time', 'name', 'age', 'dept', 'city', 'score', 'parse_error', 'raw_data', '_id'])
        expect(rows[1]?.[shown.indexOf('city')]).toBe(null)
      })

      it('rename moves the name and what had it is gone', async () => {
        expect(await found(store, 'source=people | head 1 | rename dept as city | fields city, dept')).toEqual([
          { city: 'IT', dept: null },
        ])
        expect(await found(store, 'source=people | head 1 | fields name, age | rename *a* as x*y*')).toEqual([
          { xnyme: 'Amber', xyge: 32 },
        ])
      })

      it('eval sees what it computed before and can replace a field', async () => {
        const query = 'source=people | head 1 | eval a = age + 1, b = a * 2, age = b | fields a, b, age'
        expect(await found(store, query)).toEqual([{ a: 33, b: 66, age: 66 }])
      })
    })

    describe('stats', () => {
      const rows = async (commands: string) => (await search(store, `source=people | ${commands}`)).rows

      it.each([
        ['stats count(), count(age), c', [[5, 4, 5]]],
        ['where age > 100 | stats count() as n, sum(age), avg(age), max(name)', [[0, null, null, null]]],
        ['where age > 100 | stats count() by dept', []],
        [
          'stats count() by dept',
          [
            [1, null],
            [2, 'HR'],
            [2, 'IT'],
          ],
        ],
        [
          'stats bucket_nullable=false sum(age) by dept',
          [
            [28, 'HR'],
            [68, 'IT'],
          ],
        ],
        ['stats dc(dept), min(age), max(name), sum(score)', [[2, 28, 'Nanette', 0.5]]],
        ['stats count(eval(age > 30)) as old', [[3]]],
        ['stats median(age), p25(age), percentile(age, 100)', [[33, 32, 36]]],
        ['stats first(name), last(name), earliest(name), latest(name)', [['Amber', 'Bob', 'Amber', 'Bob']]],
        [
          'stats take(name, 2), list(dept), values(dept)',
          [
            [
              ['Amber', 'Hattie'],
              ['IT', 'IT', 'HR', 'HR'],
              ['HR', 'IT'],
            ],
          ],
        ],
        ['sort - age | stats take(name, 2)', [[['Hattie', 'Dale']]]],
        [
          'where isnotnull(age) | stats count() by span(age, 5)',
          [
            [1, 25],
            [2, 30],
            [1, 35],
          ],
        ],
        [
          'where isnotnull(score) | stats count() by span(score, 2) as s',
          [
            [1, -4],
            [2, 0],
          ],
        ],
        [
          'stats count() by span(time, 3s) as at',
          [
            [3, '2024-02-01 00:00:00'],
            [2, '2024-02-01 00:00:03'],
          ],
        ],
        ['stats count() by nowhere', [[5, null]]],
      ])('%s', async (commands, expected) => {
        expect(await rows(commands)).toEqual(expected)
      })

      it('puts aggregates before keys and names them by their text', async () => {
        const { schema } = await search(store, 'source=people | stats avg( age ), count() as n by span(time, 1h), dept')
        expect(schema).toEqual([
          { name: 'avg( age )', type: 'double' },
          { name: 'n', type: 'long' },
          { name: 'span(time,1h)', type: 'timestamp' },
          { name: 'dept', type: 'string' },
        ])
      })
    })

    describe('top and rare', () => {
      it.each([
        [
          'top dept',
          [
            ['HR', 2],
            ['IT', 2],
            [null, 1],
          ],
        ],
        ['top 1 usenull=false dept', [['HR', 2]]],
        [
          'rare dept',
          [
            [null, 1],
            ['HR', 2],
            ['IT', 2],
          ],
        ],
        ['top showcount=false 1 city', undefined],
        [
          'top 1 city by dept',
          [
            [null, 'Orick', 1],
            ['HR', 'Brogan', 1],
            ['IT', null, 1],
          ],
        ],
      ])('%s', async (commands, expected) => {
        const answer = search(store, `source=people | ${commands}`)
        if (expected === undefined) await expect(answer).rejects.toMatchObject({ status: 422 })
        else expect((await answer).rows).toEqual(expected)
      })
    })

    describe('parse, rex and regex', () => {
      const texts = async (commands: string) => (await search(store, `source=texts | ${commands}`)).rows

      it('parse gives empty texts where nothing matches, also for null', async () => {
        expect(await texts(`parse message '(?<what>\\w+): (?<why>.+) for' | fields what, why`)).toEqual([
          ['failed', 'timeout'],
          ['', ''],
          ['', ''],
        ])
        expect(await texts(`parse nowhere '(?<x>.)' | head 1 | fields x`)).toEqual([['']])
      })

      it('rex gives null where nothing matches, lists of several, and edits', async () => {
        expect(await texts(`rex field=message '(?<mail>[a-z]+@[a-z.]+)' | fields mail`)).toEqual([
          ['user@example.com'],
          [null],
          [null],
        ])
        expect(await texts(`rex field=message max_match=2 '(?<w>[a-z]{5,})' | fields w`)).toEqual([
          [['ayment', 'failed']],
          [['failover', 'logged']],
          [['accepted']],
        ])
        expect(
          await texts(`rex field=message mode=sed 's/(\\w+)@(\\w+)/\\2 at \\1/' | head 1 | fields message`),
        ).toEqual([['Payment failed: timeout for example at user.com']])
        expect(await texts(`rex field=message mode=sed 'y/abc/xyz/' | fields message | reverse | head 1`)).toEqual([
          ['PAYMENT xzzepted'],
        ])
        expect(await texts(`rex field=message offset_field=at '(?<x>fail)(?<y>\\w+)' | fields at`)).toEqual([
          ['x=8-11&y=12-13'],
          ['x=0-3&y=4-7'],
          [null],
        ])
      })

      it('regex finds anywhere, with regard to case', async () => {
        expect(await texts("regex message='fail' | stats count()")).toEqual([[2]])
        expect(await texts("regex message!='fail' | stats count()")).toEqual([[1]])
        expect(await texts("regex message='^(?i)payment' | stats count()")).toEqual([[2]])
      })

      it.each([
        ["parse message '(?<a>x)(?=y)'", /look-around/],
        ["parse message 'x'", /no named group/],
        ["rex field=message '(?<a_b>x'", /cannot be used|named by a letter/],
        ["rex field=message mode=sed 's/a/b'", /this is no edit/],
        ["rex field=message mode=sed 's/a/b/x'", /only `g` is known/],
      ])('%s is refused', async (commands, message) => {
        await expect(texts(commands)).rejects.toMatchObject({ code: 'pipeline.query.badRegex', message })
      })
    })

    describe('fillnull, eventstats, reverse', () => {
      it.each([
        [
          "fillnull with 'none' in dept, city | fields dept, city",
          [
            ['IT', 'Brogan'],
            ['IT', 'none'],
            ['HR', 'Nogal'],
            ['none', 'Orick'],
            ['HR', 'Brogan'],
          ],
        ],
        [
          'fillnull value=0 | fields age, score',
          [
            [32, 1.5],
            [36, 0],
            [28, -2.5],
            [33, 0],
            [0, 1.5],
          ],
        ],
        [
          "fillnull using age = -1, dept = 'x' | where age < 0 or dept = 'x' | fields age, dept",
          [
            [33, 'x'],
            [-1, 'HR'],
          ],
        ],
        [
          'eventstats avg(age) as a, count() by dept | fields name, a, `count()`',
          [
            ['Amber', 34, 2],
            ['Hattie', 34, 2],
            ['Nanette', 28, 2],
            ['Dale', 33, 1],
            ['Bob', 28, 2],
          ],
        ],
        ['eventstats bucket_nullable=false count() as n by dept | where isnull(n) | fields name', [['Dale']]],
        ['eventstats max(age) as oldest | where age = oldest | fields name', [['Hattie']]],
        [
          'eventstats dc(dept) as d, list(name) as names | head 1 | fields d, names',
          [[2, ['Amber', 'Hattie', 'Nanette', 'Dale', 'Bob']]],
        ],
        ['reverse | fields name | head 2', [['Bob'], ['Dale']]],
        ['sort age | reverse | head 1 | fields name', [['Hattie']]],
      ])('%s', async (commands, expected) => {
        expect((await search(store, `source=people | ${commands}`)).rows).toEqual(expected)
      })
    })

    describe('streamstats, trendline, expand', () => {
      it.each([
        [
          'streamstats count() as n, sum(age) as s | fields n, s',
          [
            [1, 32],
            [2, 68],
            [3, 96],
            [4, 129],
            [5, 129],
          ],
        ],
        ['streamstats current=false window=1 max(age) as before | fields before', [[null], [32], [36], [28], [33]]],
        ['streamstats window=2 avg(age) as a | fields a', [[32], [34], [32], [30.5], [33]]],
        [
          'streamstats count() as n by dept | fields dept, n',
          [
            ['IT', 1],
            ['IT', 2],
            ['HR', 1],
            [null, 1],
            ['HR', 2],
          ],
        ],
        ['streamstats bucket_nullable=false count() as n by dept | where isnull(n) | fields name', [['Dale']]],
        ['sort - age | streamstats count() as n | where n = 1 | fields name', [['Hattie']]],
        [
          'trendline sma(2, age) as t | fields name, t',
          [
            ['Amber', null],
            ['Hattie', 34],
            ['Nanette', 32],
            ['Dale', 30.5],
          ],
        ],
        ['trendline sort age wma(2, age) | fields age_trendline', [[null], [92 / 3], [98 / 3], [35]]],
        [
          'stats values(name) as names by dept | where isnotnull(dept) | expand names as n | fields dept, n',
          [
            ['HR', 'Bob'],
            ['HR', 'Nanette'],
            ['IT', 'Amber'],
            ['IT', 'Hattie'],
          ],
        ],
        ['stats list(dept) as d | mvexpand d limit=3 | fields d', [['IT'], ['IT'], ['HR']]],
        ['where age > 100 | stats list(name) as d | expand d', [[null]]],
      ])('%s', async (commands, expected) => {
        expect((await search(store, `source=people | ${commands}`)).rows).toEqual(expected)
      })

      it.each([
        ['expand name', /not a list/],
        ['streamstats window=20000 count()', /at most 10000/],
        ['streamstats window=2 count() by dept', /global=false/],
        ['trendline sma(2, name)', undefined],
      ])('%s is refused, or read as numbers', async (commands, message) => {
        const answer = search(store, `source=people | ${commands}`)
        if (message) await expect(answer).rejects.toMatchObject({ status: 422, message })
        else expect((await answer).rows).toEqual([])
      })
    })

    describe('bin and timechart', () => {
      it.each([
        ['bin age span=5', ['30-35', '35-40', '25-30', '30-35', null]],
        ['bin score span=0.5 as age', ['1.50-2.00', null, '-2.50--2.00', null, '1.50-2.00']],
        ['bin age bins=3', ['30-40', '30-40', '20-30', '30-40', null]],
        ['bin age span=log10', ['10.0-100.0', '10.0-100.0', '10.0-100.0', '10.0-100.0', null]],
        ['bin time span=2s as age | head 2', ['2024-02-01 00:00:00', '2024-02-01 00:00:00']],
        ['bin time span=1d as age | head 1', ['2024-02-01']],
        ['bin time span=1M as age | head 1', ['2024-02-01']],
        [
          'bin time span=3s aligntime=earliest as age | head 4',
          ['2024-02-01 00:00:00', '2024-02-01 00:00:00', '2024-02-01 00:00:00', '2024-02-01 00:00:03'],
        ],
      ])('%s', async (commands, expected) => {
        expect(await column(store, `source=people | ${commands} | fields age`)).toEqual(expected)
      })

      it.each([
        [
          'timechart span=3s count()',
          [
            ['2024-02-01 00:00:00', 3],
            ['2024-02-01 00:00:03', 2],
          ],
        ],
        [
          'timechart span=1h sum(age) by dept',
          [
            ['2024-02-01 00:00:00', 'HR', 28],
            ['2024-02-01 00:00:00', 'IT', 68],
            ['2024-02-01 00:00:00', 'NULL', 33],
          ],
        ],
        [
          'timechart span=1h limit=1 count() by name',
          [
            ['2024-02-01 00:00:00', 'Amber', 1],
            ['2024-02-01 00:00:00', 'OTHER', 4],
          ],
        ],
        [
          'timechart span=1h limit=1 useother=false usenull=false sum(age) by dept',
          [['2024-02-01 00:00:00', 'IT', 68]],
        ],
        [
          'timechart span=1h limit=1 avg(age) by dept',
          [
            ['2024-02-01 00:00:00', 'IT', 34],
            ['2024-02-01 00:00:00', 'NULL', 33],
            ['2024-02-01 00:00:00', 'OTHER', 28],
          ],
        ],
        ['timechart span=10s per_second(age)', [['2024-02-01 00:00:00', 12.9]]],
        ['timechart limit=0 count() by dept | stats count()', [[3]]],
      ])('%s', async (commands, expected) => {
        expect((await search(store, `source=people | ${commands}`)).rows).toEqual(expected)
      })
    })

    describe('lookup and append', () => {
      beforeAll(async () => {
        const table = [
          { dept: 'IT', boss: 'old', floor: 1 },
          { dept: 'IT', boss: 'Ada', floor: 2 },
          { dept: 'HR', boss: 'Hal', city: 'Home' },
          { boss: 'Nobody' },
        ]
        await appendRecords(store, table, aShard('depts'))
      })

      it.each([
        [
          'lookup depts dept replace boss | fields name, boss',
          [
            ['Amber', 'Ada'],
            ['Hattie', 'Ada'],
            ['Nanette', 'Hal'],
            ['Dale', null],
            ['Bob', 'Hal'],
          ],
        ],
        [
          'lookup depts dept append city | fields name, city',
          [
            ['Amber', 'Brogan'],
            ['Hattie', null],
            ['Nanette', 'Nogal'],
            ['Dale', 'Orick'],
            ['Bob', 'Brogan'],
          ],
        ],
        [
          'lookup depts dept | fields name, city, floor | head 3',
          [
            ['Amber', null, 2],
            ['Hattie', null, 2],
            ['Nanette', 'Home', null],
          ],
        ],
        [
          'eval d = dept | fields name, d | lookup depts dept as d output boss as b | where isnull(b) | fields name',
          [['Dale']],
        ],
        [
          'stats count() as n by dept | append [ source=people | stats count() as n | eval dept = 7 ] | fields dept, n',
          [
            [null, 1],
            ['HR', 2],
            ['IT', 2],
            ['7', 5],
          ],
        ],
        [
          'fields name | append [ source=depts | fields boss | head 1 ]',
          [
            ['Amber', null],
            ['Hattie', null],
            ['Nanette', null],
            ['Dale', null],
            ['Bob', null],
            [null, 'old'],
          ],
        ],
      ])('%s', async (commands, expected) => {
        expect((await search(store, `source=people | ${commands}`)).rows).toEqual(expected)
      })

      it('looks up in records of all times, and refuses pipes that are not there', async () => {
        const bound = { from: anEvent(4).time }
        expect(
          (await search(store, 'source=people | lookup depts dept replace boss | fields boss', bound)).rows,
        ).toEqual([['Hal']])
        await expect(search(store, 'source=people | lookup dept dept')).rejects.toMatchObject({ status: 404 })
        await expect(search(store, 'source=people | append [ source=none ]')).rejects.toMatchObject({ status: 404 })
      })

      it('pages through what it joined', async () => {
        const query = 'source=people | lookup depts dept replace boss | fields name, boss'
        const first = await search(store, query, { limit: 3 })
        const second = await search(store, query, { limit: 3, cursor: first.cursor ?? '' })
        expect([...first.rows, ...second.rows].map((row) => row[0])).toEqual(people.map(({ name: each }) => each))
        expect(second.cursor).toBeUndefined()
      })
    })

    describe('the search clause', () => {
      it.each([
        ["search dept='IT' source=people", ['Amber', 'Hattie']],
        ['source=people dept=IT', ['Amber', 'Hattie']],
        ['source=people dept=it', []],
        ['source=people name=*a*e', ['Hattie', 'Nanette', 'Dale']],
        ['source=people name="?ob"', ['Bob']],
        ['source=people dept!=IT', ['Nanette', 'Bob']],
        ['source=people NOT dept=IT', ['Nanette', 'Dale', 'Bob']],
        ['source=people age>=33 OR dept=HR city=Brogan', ['Bob']],
        ['source=people age in (32, 33)', ['Amber', 'Dale']],
        ['source=people dept=*', ['Amber', 'Hattie', 'Nanette', 'Bob']],
        ["source=people earliest='2024-02-01 00:00:01' latest='2024-02-01 00:00:02'", ['Hattie', 'Nanette']],
        ['source=people latest=-1d', ['Amber', 'Hattie', 'Nanette', 'Dale', 'Bob']],
      ])('%s', async (query, expected) => {
        expect(await column(store, `${query} | fields name`)).toEqual(expected)
      })

      it.each([
        ['payment', 2],
        ['payment failed', 1],
        ['"payment failed"', 1],
        ['"failed payment"', 0],
        ['fail', 0],
        ['fail*', 2],
        ['user', 2],
        ['"user logged"', 1],
        ['example', 1],
        ['NOT payment', 1],
      ])('finds words: %s', async (term, count) => {
        expect(await column(store, `source=texts ${term} | stats count()`)).toEqual([count])
      })
    })

    describe('addresses', () => {
      it.each([
        ["cidrmatch(ip, '10.0.0.0/8')", ['10.1.2.3', '10.0.0.1']],
        ["cidrmatch(ip, '2001:db8::/32')", ['2001:db8::5']],
        ["cidrmatch(ip, '0.0.0.0/0')", ['10.1.2.3', '10.0.0.1', '192.168.0.1']],
        ["cidrmatch(text, '192.168.0.1')", ['192.168.0.1']],
        ["ip = '2001:0DB8:0:0::0005'", ['2001:db8::5']],
        ["not cidrmatch(ip, '10.0.0.0/8')", ['2001:db8::5', '192.168.0.1']],
      ])('%s', async (condition, expected) => {
        const query = condition.startsWith('not') ? `${condition} and isnotnull(ip)` : condition
        expect(await column(store, `source=nets | where ${query} | fields ip`)).toEqual(expected)
      })

      it('are compared with addresses and networks only', async () => {
        await expect(search(store, "source=nets | where ip = 'x'")).rejects.toMatchObject({ message: /no IP address/ })
        await expect(search(store, "source=nets | where cidrmatch(ip, 'x')")).rejects.toMatchObject({
          message: /no network/,
        })
        expect(await column(store, 'source=nets ip="10.0.0.0/8" | stats count()')).toEqual([2])
      })
    })

    describe('values', () => {
      it.each([
        ['7 / 2', 3],
        ['-7 / 2', -3],
        ['7 / 2.0', 3.5],
        ['7 / 0', null],
        ['7.5 / 0', null],
        ['-7 % 3', -1],
        ['7 % 0', null],
        ['1 + 2 * 3', 7],
        ["'a' + 'b'", 'ab'],
        ["'5' + 1", 6],
        ['5 + null', null],
        ['sqrt(-1)', null],
        ['ln(0)', null],
        ['round(2.567, 2)', 2.57],
        ['abs(-3)', 3],
        ['if(1 > 2, 1, 2.5)', 2.5],
        ["case(1 > 2, 'a', 2 > 1, 'b' else 'c')", 'b'],
        ["case(1 > 2, 'a')", null],
        ["coalesce(null, nowhere, 'x')", 'x'],
        ["nullif('a', 'a')", null],
        ["substring('hello', 2, 3)", 'ell'],
        ["locate('l', 'hello', 4)", 4],
        ["replace('user@example.com', '.*@(.+)', '$1')", 'example.com'],
        ["cast('12' as int) + 1", 13],
        ["cast('x' as int)", null],
        ['cast(true as string)', 'TRUE'],
        ['typeof(1.5)', 'DOUBLE'],
        ["date('2024-02-01 10:00:00')", '2024-02-01'],
        ["timestamp('2024-02-01') + interval 90 minute", '2024-02-01 01:30:00'],
        ["date_add(date('2024-01-31'), interval 1 month)", '2024-02-29 00:00:00'],
        ["adddate(date('2024-02-28'), 2)", '2024-03-01'],
        ["hour('2024-02-01 13:14:15')", 13],
        ["dayofweek(date('2024-02-04'))", 1],
        ["'2024-02-01' < now()", true],
        ['from_unixtime(1706745600)', '2024-02-01 00:00:00'],
        ["unix_timestamp('2024-02-01 00:00:00')", 1706745600],
        ["date_format('2024-02-01 13:04:05', '%Y/%m/%d %H:%i %W %D %% %q')", '2024/02/01 13:04 Thursday 1st % q'],
        ["monthname('2024-02-01')", 'February'],
        ["last_day('2024-02-10')", '2024-02-29'],
        ["datediff('2024-03-01 00:00:01', '2024-02-28 23:59:59')", 2],
        ["timestampdiff(minute, '2024-02-01 00:00:00', '2024-02-01 01:30:59')", 90],
        ["timestampdiff(month, '2024-01-30', '2024-02-28')", 0],
        ["timestampadd(week, -1, '2024-02-08')", '2024-02-01 00:00:00'],
        ["extract(year_month from '2024-02-08')", 202402],
        ["earliest('2024-01-01 00:00:00', '2024-02-01')", true],
        ["latest('-1d@d', now())", false],
        ["tonumber('ff', 16)", 255],
        ["tonumber('x')", null],
        ["tostring(1234567, 'commas')", '1,234,567'],
        ["tostring(6500, 'duration')", '01:48:20'],
        ['json_extract(\'{"a":{"b":[1,{"c":"x"}]}}\', \'a.b{1}.c\')', 'x'],
        ["json_extract('broken', 'a')", null],
        ["json_valid('[1')", false],
      ])('%s', async (expression, expected) => {
        expect(await value(expression)).toEqual(expected)
      })

      it('a whole number that leaves 64 bits is an error, not a wrong number', async () => {
        for (const expression of ['9223372036854775807 + 1', '-9223372036854775807 * 2']) {
          await expect(value(expression)).rejects.toMatchObject({ code: 'pipeline.query.overflow', status: 422 })
        }
      })
    })

    it('finds events by their ids', async () => {
      const id = (offset: number) => `'default/default/people/0/${offset}'`
      const of = (condition: string) => column(store, `source=people | where ${condition} | fields name`)
      expect(await of(`_id = ${id(2)}`)).toEqual(['Nanette'])
      expect(await of(`age > 30 and _id in (${id(3)}, ${id(0)}, ${id(2)}, ${id(99)}, 'x')`)).toEqual(['Amber', 'Dale'])
      expect(await of(`_id = ${id(2)} or _id = ${id(1)}`)).toEqual(['Hattie', 'Nanette'])
      expect(await of(`_id = 'default/default/texts/0/0'`)).toEqual([])
      expect(await of(`_id = ${id(2)} and _id = ${id(1)}`)).toEqual([])
      expect(await of(`_id != ${id(0)}`)).toEqual(['Hattie', 'Nanette', 'Dale', 'Bob'])
      expect(await column(store, `source=texts, people | where _id = ${id(4)} | fields name`)).toEqual(['Bob'])
    })

    it('counts what it looked at', async () => {
      const { scanned, tookMs } = await search(store, 'source=people | where age > 100')
      expect(scanned).toBe(5)
      expect(tookMs).toBeGreaterThanOrEqual(0)
      expect((await search(store, 'source=people', { from: anEvent(3).time })).scanned).toBe(2)
    })
  })
}
