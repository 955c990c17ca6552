// The kinds of value a key can have: how its text is read, what it is called in an error, how JSON Schema puts it.
// Every kind reads text, because flags and the environment have nothing else; the file's scalars arrive as text too.

import { z } from 'zod'
import { type Bytes, either, type Ms, parseBytes, parseMs } from '../units/units.js'
import type { Reading } from './addresses.js'

type Json = Readonly<Record<string, unknown>>

declare module 'zod' {
  interface GlobalMeta {
    /** What a value of this kind is called: `a duration from 10ms to 1h`. */
    noun?: string
    /** What to write instead of a wrong value. */
    write?: string
    /** The kind's column in the reference page. */
    unit?: string
    /** The kind in JSON Schema. */
    json?: Json
    /** Never shown, never taken as a flag. */
    secret?: boolean
    /** The path of a file that must be readable. */
    file?: boolean
    /** The default in words, where another key or the machine decides it. */
    derived?: string
    /** A value for the sample file, for keys without a default. */
    example?: string | readonly string[]
  }
}

/** Attaches the explanation of a key, and whatever else only the key knows. */
export function key<T extends z.ZodType>(type: T, description: string, more: z.GlobalMeta = {}): T {
  return type.meta({ ...type.meta(), ...more, description })
}

function readBy<T>(read: (text: string) => T | undefined, meta: z.GlobalMeta) {
  const type = z.string().transform((text, ctx): T => {
    const value = read(text)
    if (value !== undefined) return value
    ctx.issues.push({ code: 'custom', input: text })
    return z.NEVER
  })
  return type.meta(meta)
}

const within = (value: number | undefined, low: number, high: number) =>
  value !== undefined && value >= low && value <= high

/** A length of time between two others, both written as a person would: `45s`. At most `24d`, the longest a timer can wait. */
export function duration(low = '0', high = '24d') {
  const [least, most] = [parseMs(low) ?? 0, parseMs(high) ?? 0]
  const read = (text: string): Ms | undefined => {
    const length = parseMs(text)
    return within(length, least, most) ? length : undefined
  }
  return readBy(read, {
    noun: `a duration from ${low} to ${high}`,
    write: 'write a number and us, ms, s, min, h or d, such as 45s',
    unit: `duration, ${low} to ${high}`,
    json: { type: ['string', 'integer'], pattern: '^(0|\\d+(\\.\\d+)?\\s*(us|ms|s|min|h|d))$', minimum: 0, maximum: 0 },
  })
}

/** A size in bytes. */
export function size() {
  const read = (text: string): Bytes | undefined => parseBytes(text)
  return readBy(read, {
    noun: 'a size',
    write: 'write a number and B, kB, KiB, MB, MiB, GB or GiB, such as 16MiB',
    unit: 'size',
    json: {
      type: ['string', 'integer'],
      pattern: '^(0|\\d+(\\.\\d+)?\\s*(B|kB|KiB|MB|MiB|GB|GiB))$',
      minimum: 0,
      maximum: 0,
    },
  })
}

/** A whole number. */
export function count(low: number, high: number) {
  const read = (text: string): number | undefined =>
    /^\d{1,15}$/.test(text) && within(Number(text), low, high) ? Number(text) : undefined
  return readBy(read, {
    noun: `a whole number from ${low} to ${high}`,
    write: `write a number from ${low} to ${high}`,
    unit: `number, ${low} to ${high}`,
    json: { type: 'integer', minimum: low, maximum: high },
  })
}

/** A whole number, or the word `auto`. */
export function countOrAuto(low: number, high: number) {
  const read = (text: string): number | 'auto' | undefined => {
    if (text === 'auto') return text
    return /^\d{1,15}$/.test(text) && within(Number(text), low, high) ? Number(text) : undefined
  }
  return readBy(read, {
    noun: `auto or a whole number from ${low} to ${high}`,
    write: `write auto or a number from ${low} to ${high}`,
    unit: `auto, or number, ${low} to ${high}`,
    json: { anyOf: [{ const: 'auto' }, { type: 'integer', minimum: low, maximum: high }] },
  })
}

const TRUTH: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
}

/** True or false. */
export function toggle() {
  const read = (text: string): boolean | undefined => (Object.hasOwn(TRUTH, text) ? TRUTH[text] : undefined)
  return readBy(read, {
    noun: 'true or false',
    write: 'write true or false',
    unit: 'boolean',
    json: { type: 'boolean' },
  })
}

/** Text that matches a pattern; `noun` and `write` say what that means. */
export function text(noun = 'text', pattern = /^[^\n]+$/, write = `write ${noun}`) {
  const read = (given: string): string | undefined => (pattern.test(given) ? given : undefined)
  return readBy(read, { noun, write, unit: 'text', json: { type: ['string', 'number'] } })
}

/** A password: never shown and never a flag. A number is text here too. */
export function secret() {
  const read = (given: string): string | undefined => (given === '' ? undefined : given)
  const meta = { noun: 'a password', write: 'give one that is not empty', unit: 'text, secret' }
  return readBy(read, { ...meta, json: { type: ['string', 'number'] }, secret: true })
}

/** An http or https address that may hold a token: never shown and never a flag. */
export const secretUrl = () =>
  text('an http or https address', /^https?:\/\/[^\s/]+\S*$/, 'write an address such as https://host/path').meta({
    noun: 'an http or https address',
    write: 'write an address such as https://host/path',
    unit: 'URL, secret',
    json: { type: 'string', pattern: '^https?://' },
    secret: true,
  })

/** The path of a file that must be readable when the configuration is loaded. */
export function file() {
  const read = (given: string): string | undefined => (given.includes('\0') ? undefined : given)
  const meta = { noun: 'the path of a file', write: 'write the path of a file', unit: 'path' }
  return readBy(read, { ...meta, json: { type: 'string' }, file: true })
}

const NAMESPACE = /^\/?[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*\/?$/

/** Patroni's namespace, with a slash at both ends whichever way it was written. */
export function namespace() {
  const read = (path: string): string | undefined =>
    NAMESPACE.test(path) ? `/${path.replace(/^\/|\/$/g, '')}/` : undefined
  const meta = { noun: 'a path of names', write: 'write a path such as /service/', unit: 'path of keys' }
  return readBy(read, { ...meta, json: { type: 'string' } })
}

/** The path of a socket that will be made. */
export const socketPath = () =>
  text('an absolute path of at most 107 bytes', /^\/[^\0]{1,106}$/).meta({
    noun: 'an absolute path of at most 107 bytes',
    write: 'write a path such as /run/mekare/control.sock',
    unit: 'path',
    json: { type: 'string', pattern: '^/' },
  })

/** The path of a file that this program writes, or `off`. */
export const statePath = () =>
  text('an absolute path, or off', /^(off|\/[^\0]+)$/).meta({
    noun: 'an absolute path, or off',
    write: 'write a path such as /var/lib/mekare/incidents.json, or off',
    unit: 'path, or off',
    json: { type: 'string', pattern: '^(off|/)' },
  })

/** One word out of a closed list. */
export function choice<const T extends readonly [string, ...string[]]>(...words: T) {
  const write = `write ${either(words)}`
  return z.enum(words).meta({ noun: 'one of its words', write, unit: words.join(' \\| '), json: { enum: words } })
}

/** A key whose other values are for later versions. */
export function only<const T extends string>(word: T) {
  const meta = { noun: 'available in this version', write: `write ${word}, or leave the key out` }
  return z.literal(word).meta({ ...meta, unit: `\`${word}\``, json: { const: word } })
}

/** Text read by one of the address readers, which say themselves what is wrong. */
export function address<T>(read: (text: string) => Reading<T>, noun: string, write: string) {
  const type = z.string().transform((given, ctx): T => {
    const reading = read(given)
    if (reading.ok) return reading.value
    ctx.issues.push({ code: 'custom', input: given, params: { why: reading.why } })
    return z.NEVER
  })
  return type.meta({ noun, write: `write ${write}`, unit: noun.replace(/^an? /, ''), json: { type: 'string' } })
}

/** Several values of one kind: a list in the file, separated by commas in flags and the environment. */
export function list<T extends z.ZodType>(of: T) {
  const { noun = '', write = '', unit = '', json } = of.meta() ?? {}
  return z.array(of).meta({ noun, write, unit: `list, each: ${unit}`, json: { type: 'array', items: json } })
}
