// Turns arguments into what is wanted: a verb with its flags, help, the version, or what is wrong with them. Does nothing of it.

import yargs from 'yargs'
import { type ConfigFlag, pickConfigFlags } from './config-flags.js'
import { EXIT_CODES } from './deps.js'
import { nearest } from './nearest.js'
import { isVerb, synopsis, VERBS, type Verb, type VerbSpec } from './verbs.js'

export interface Wanted {
  readonly kind: 'verb'
  readonly verb: Verb
  readonly args: {
    /** The listener or member named. */
    readonly name?: string
    readonly json: boolean
    readonly watch: boolean
    readonly exit: boolean
    readonly offline: boolean
    readonly release: boolean
    readonly wait: boolean
    readonly yes: boolean
    readonly to?: string
    readonly cluster?: string
    readonly client?: string
    readonly backend?: string
    readonly member?: string
    readonly listen?: string
    readonly state?: string
    readonly cut?: string
    readonly socket?: string
    readonly config?: string
    readonly 'config-id'?: string
    readonly haproxy?: readonly string[]
    readonly keepalived?: readonly string[]
    readonly patroni?: readonly string[]
  }
  readonly configFlags: readonly ConfigFlag[]
}

export type Parsed =
  | Wanted
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | { readonly kind: 'usage'; readonly why: string }

/** Reads the arguments after the program's name. */
export function parse(argv: readonly string[]): Parsed {
  const picked = pickConfigFlags(argv)
  if (!picked.ok) return usage(picked.why)
  const { rest, flags } = picked
  const [word] = rest
  if (word === undefined) return usage('say what to do')
  if (word === '--version') return { kind: 'version' }
  if (word === '--help' || word === '-h' || word === 'help') return helpOf(rest[1])
  if (word.startsWith('-')) return usage(`the verb comes first, before ${flagName(word)}`)
  if (!isVerb(word)) return usage(`no verb is named ${word}${meant(word, Object.keys(VERBS))}`)
  const spec: VerbSpec = VERBS[word]
  const [first] = flags
  if (first !== undefined && !spec.takesConfig) {
    return usage(
      `mekare ${word} takes no configuration; it asks a running router: leave --${first[0]} out, or use --socket`,
    )
  }
  return parseVerb(word, spec, rest.slice(1), flags)
}

function parseVerb(verb: Verb, spec: VerbSpec, rest: readonly string[], configFlags: readonly ConfigFlag[]): Parsed {
  let outcome: Parsed = usage('cannot be read')
  builder(verb, spec).parse([...rest], {}, (error, argv, output) => {
    if (argv.help === true) outcome = { kind: 'help', text: output }
    else if (error) outcome = usage(`mekare ${verb}: ${error.message}`)
    else outcome = wanted(verb, spec, argv, configFlags)
  })
  return outcome
}

function builder(verb: Verb, spec: VerbSpec) {
  const parser = yargs()
    .scriptName('mekare')
    .exitProcess(false)
    .detectLocale(false)
    .version(false)
    .help('help')
    .alias('help', 'h')
    .wrap(120)
    .parserConfiguration({ 'camel-case-expansion': false, 'dot-notation': false, 'boolean-negation': false })
    .usage(`${synopsis(verb, spec)}\n\n${spec.help}${argumentHelp(spec)}`)
  for (const [name, flag] of Object.entries(spec.flags)) {
    const type = flag.type === 'boolean' ? 'boolean' : 'string'
    parser.option(name, { type, describe: flag.help, ...(type === 'string' && { requiresArg: true }) })
  }
  for (const [line, does] of spec.examples) parser.example(line, does)
  return parser
}

function argumentHelp({ argument }: VerbSpec): string {
  return argument === undefined ? '' : `\n\n${argument.name.toUpperCase()}: ${argument.help}`
}

type Argv = Readonly<Record<string, unknown>> & { readonly _: readonly (string | number)[] }

function wanted(verb: Verb, spec: VerbSpec, argv: Argv, configFlags: readonly ConfigFlag[]): Parsed {
  const known = [...Object.keys(spec.flags), 'help']
  const stranger = Object.keys(argv).find(key => key !== '_' && key !== '$0' && key !== 'h' && !known.includes(key))
  if (stranger !== undefined) {
    const near = nearest(stranger, known)
    return usage(
      `mekare ${verb} has no flag ${flagName(stranger)}${near === undefined ? '' : `; did you mean --${near}?`}`,
    )
  }
  const repeated = known.find(key => Array.isArray(argv[key]) && spec.flags[key]?.type !== 'list')
  if (repeated !== undefined) return usage(`mekare ${verb}: --${repeated} is given more than once`)
  const [name, more] = argv._.map(String)
  if (spec.argument === undefined && name !== undefined)
    return usage(`mekare ${verb} takes no argument, but got ${name}`)
  const { argument } = spec
  if (argument !== undefined && !argument.optional && name === undefined) {
    return usage(`mekare ${verb} needs a ${argument.name}: mekare ${verb} ${argument.name.toUpperCase()}`)
  }
  if (argument?.form && name !== undefined && !argument.form.pattern.test(name)) {
    return usage(`mekare ${verb}: the ${argument.name} must ${argument.form.must}, but is ${name}`)
  }
  if (more !== undefined) return usage(`mekare ${verb} takes one ${spec.argument?.name}, but got ${more} too`)
  for (const [key, { form }] of Object.entries(spec.flags)) {
    const given = argv[key]
    if (form && typeof given === 'string' && !form.pattern.test(given))
      return usage(`mekare ${verb}: --${key} must ${form.must}, but is ${given}`)
  }
  const texts = Object.fromEntries(TEXTS.flatMap(key => (typeof argv[key] === 'string' ? [[key, argv[key]]] : [])))
  const list = (key: 'haproxy' | 'keepalived' | 'patroni') =>
    argv[key] === undefined ? {} : { [key]: [argv[key]].flat().map(String) }
  const set = (key: string) => argv[key] === true
  const args = {
    json: set('json'),
    watch: set('watch'),
    exit: set('exit'),
    offline: set('offline'),
    release: set('release'),
    wait: set('wait'),
    yes: set('yes'),
    ...texts,
    ...list('haproxy'),
    ...list('keepalived'),
    ...list('patroni'),
  }
  return { kind: 'verb', verb, args: { ...args, ...(name === undefined ? {} : { name }) }, configFlags }
}

/** Flags with one value. */
const TEXTS = [
  ...(['socket', 'config', 'config-id', 'to', 'cluster'] as const),
  ...(['client', 'backend', 'member', 'listen', 'state', 'cut'] as const),
]

function usage(why: string): Parsed {
  return { kind: 'usage', why }
}

function helpOf(verb: string | undefined): Parsed {
  if (verb !== undefined && isVerb(verb)) return parseVerb(verb, VERBS[verb], ['--help'], [])
  const width = Math.max(...Object.keys(VERBS).map(v => v.length))
  const lines = Object.entries<VerbSpec>(VERBS).map(([name, spec]) => `  ${name.padEnd(width)}  ${spec.help}`)
  const text = `mekare VERB [FLAGS]: stands before a PostgreSQL cluster run by Patroni\n\n${lines.join('\n')}

mekare VERB --help says more and gives examples; mekare --version says which one this is.
Exit codes: ${EXIT_CODES.map(({ code, word }) => `${code} ${word}`).join(', ')}.`
  return { kind: 'help', text }
}

function meant(word: string, words: readonly string[]): string {
  const near = nearest(word, words)
  return near === undefined ? `; there are: ${words.join(', ')}` : `; did you mean ${near}?`
}

/** The flag's name as typed, without a value: that could be a secret. */
function flagName(word: string): string {
  const bare = word.replace(/^-+/, '').replace(/=.*$/s, '')
  return bare.length === 1 ? `-${bare}` : `--${bare}`
}
