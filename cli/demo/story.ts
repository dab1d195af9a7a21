import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'

const doors = ['syslog-udp', 'syslog-tcp-octet', 'syslog-tcp-line', 'records'] as const

const strict = { additionalProperties: false }
const Lines = Type.Array(Type.String(), { minItems: 1 })
const Where = {
  door: Type.Enum(doors),
  pipe: Type.Optional(Type.String()),
  contentType: Type.Optional(Type.String()),
  encoding: Type.Optional(Type.Enum(['gzip'])),
}
const Noise = Type.Object({ ...Where, perSecond: Type.Number({ minimum: 0.1, maximum: 10_000 }), lines: Lines }, strict)
const Part = Type.Object(
  {
    ...Where,
    repeat: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    everyMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    lines: Lines,
  },
  strict,
)
const Scene = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    parts: Type.Array(Part),
    alerts: Type.Optional(Type.Array(Type.Object({ rule: Type.String() }, strict))),
    runs: Type.Optional(Type.Array(Type.Object({ playbook: Type.String() }, strict))),
  },
  strict,
)
const Range = Type.Object({ from: Type.Integer(), to: Type.Integer() }, strict)
const Story = Type.Object(
  {
    title: Type.String(),
    seed: Type.Integer(),
    receiver: Type.String({ pattern: '^127\\.0\\.0\\.1:[0-9]+$' }),
    pipes: Type.Record(Type.String(), Type.Object({})),
    words: Type.Record(Type.String(), Type.Union([Type.Array(Type.String(), { minItems: 1 }), Range])),
    noise: Type.Array(Noise),
    scenes: Type.Array(Scene),
  },
  strict,
)

export type Story = Static<typeof Story>
export type Scene = Static<typeof Scene>
export type Part = Static<typeof Part>
export type Noise = Static<typeof Noise>
/** Where lines go in, and how they are wrapped. */
export type Entrance = Pick<Part, 'door' | 'pipe' | 'contentType' | 'encoding'>

const story = Compile(Story)

/** Reads a story file. Throws an error that names the member that is wrong. */
export async function readStory(file: string): Promise<Story> {
  const value: unknown = parse(await readFile(file, 'utf8'))
  const problem = story.Errors(value)[0]
  if (problem) throw new Error(`${file}: ${problem.instancePath || '/'} ${problem.message}`)
  return value as Story
}

/** Fills the `${…}` of a story's lines. Draws come from the story's seed, so every telling is the same. */
export function createTeller(told: Story): (line: string, atMs: number) => string {
  const draw = mulberry32(told.seed)
  const word = (name: string): string => {
    const words = told.words[name]
    if (words === undefined) throw new Error(`the story has no words called \`${name}\``)
    if (Array.isArray(words)) return words[Math.floor(draw() * words.length)] ?? ''
    return String(words.from + Math.floor(draw() * (words.to - words.from + 1)))
  }
  return (line, atMs) =>
    line.replace(/\$\{([a-z:]+)\}/g, (_, name: string) =>
      name.startsWith('time:') ? formatTime(name.slice('time:'.length), atMs) : word(name),
    )
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function formatTime(form: string, atMs: number): string {
  const at = new Date(atMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`
  const month = months[at.getUTCMonth()]
  switch (form) {
    case 'iso':
      return at.toISOString()
    case 'epoch':
      return String(atMs)
    case 'syslog':
      return `${month} ${String(at.getUTCDate()).padStart(2)} ${clock}`
    case 'access':
      return `${two(at.getUTCDate())}/${month}/${at.getUTCFullYear()}:${clock} +0000`
    default:
      throw new Error(`the story asks for a time of the unknown form \`${form}\``)
  }
}

/** A small generator of numbers in [0, 1), repeatable from its seed; nothing secret depends on it. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
