// Picks the configuration's flags (`--listen.write.address X`: a dot in the name) out of the arguments. The configuration
// loader judges paths and values; here only their form is looked at, and secrets are turned away.

/** A path of the configuration and its value as text, in the order given; a path may come more than once. */
export type ConfigFlag = readonly [path: string, value: string]

export type Picked =
  | { readonly ok: true; readonly flags: readonly ConfigFlag[]; readonly rest: readonly string[] }
  | { readonly ok: false; readonly why: string }

const DOTTED = /^--([A-Za-z][^\s=.]*(?:\.[^\s=.]+)+)(?:=(.*))?$/s
const SECRET = /(^|\.)(password|secret|token|passphrase)$/i

/** Splits arguments into configuration flags and the rest. Never quotes a value: it could be a secret. */
export function pickConfigFlags(argv: readonly string[]): Picked {
  const flags: ConfigFlag[] = []
  const rest: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    const [, path, inline] = DOTTED.exec(word) ?? []
    if (path === undefined) {
      rest.push(word)
      continue
    }
    if (SECRET.test(path)) return { ok: false, why: secretText(path) }
    const value = inline ?? argv[++i]
    if (value === undefined || (inline === undefined && value.startsWith('--'))) {
      return { ok: false, why: `--${path} needs a value: --${path} VALUE` }
    }
    flags.push([path, value])
  }
  return { ok: true, flags, rest }
}

function secretText(path: string): string {
  const variable = `MEKARE_${path.replaceAll('.', '__').toUpperCase()}`
  return `--${path}: secrets are not taken as flags, process lists show them; use ${path}File or the variable ${variable}`
}
