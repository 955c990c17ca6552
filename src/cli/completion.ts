// Completion for shells, made from the table of verbs and the keys of the configuration: verbs, flags, the words an argument can be.
// It asks no running router: the names of members would cost a start of this program for every press of the key.

import { flagTable } from '../config/pages.js'
import { type FlagSpec, VERBS, type VerbSpec } from './verbs.js'

interface Flag {
  readonly name: string
  readonly help: string
  readonly takes: 'nothing' | 'file' | 'text'
}

interface Candidate {
  readonly name: string
  readonly help: string
  readonly flags: readonly Flag[]
  readonly words: readonly string[]
}

/** The text that the shell is to read. */
export function completionFor(shell: string | undefined): string {
  const verbs = Object.entries<VerbSpec>(VERBS).map(([name, spec]) => candidateOf(name, spec))
  switch (shell) {
    case 'zsh':
      return zsh(verbs)
    case 'fish':
      return fish(verbs)
    default:
      return bash(verbs)
  }
}

function candidateOf(name: string, { help, flags, argument, takesConfig }: VerbSpec): Candidate {
  const own = Object.entries(flags).map(([flag, spec]) => ({ name: flag, help: spec.help, takes: takes(spec) }))
  return { name, help, words: argument?.words ?? [], flags: [...own, ...(takesConfig ? configFlags() : [])] }
}

const takes = ({ type, value }: FlagSpec): Flag['takes'] =>
  type === 'boolean' ? 'nothing' : value === 'FILE' ? 'file' : 'text'

/** Keys of listeners for the two that are there by default; keys under names of the operator's choice are left out. */
function configFlags(): readonly Flag[] {
  const named = flagTable().flatMap(row =>
    row.name.startsWith('--listen.<name>.')
      ? ['write', 'read'].map(name => ({ ...row, name: row.name.replace('<name>', name) }))
      : [row],
  )
  return named
    .filter(({ name }) => !name.includes('<'))
    .map(({ name, doc }) => ({ name: name.slice(2), help: doc.replaceAll('`', ''), takes: 'text' }))
}

const dashed = ({ name }: Flag): string => `--${name}`

function bash(verbs: readonly Candidate[]): string {
  const files = [...new Set(verbs.flatMap(({ flags }) => flags.filter(flag => flag.takes === 'file').map(dashed)))]
  const cases = verbs.map(
    ({ name, words, flags }) => `    ${name}) words="${[...words, ...flags.map(dashed), '--help'].join(' ')}" ;;`,
  )
  return `# Completion of mekare for bash. For everybody: mekare completion bash > /etc/bash_completion.d/mekare
_mekare() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "${verbs.map(({ name }) => name).join(' ')} --help --version" -- "$cur")
    return
  fi
  case $prev in
    ${files.join('|')})
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return ;;
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _mekare mekare
`
}

/** Text within single quotes of zsh's _arguments and _describe, where colons and brackets mean something. */
const zshText = (text: string): string => text.replace(/[:[\]\\]/g, '\\$&').replaceAll("'", "'\\''")

function zsh(verbs: readonly Candidate[]): string {
  const after = { nothing: '', file: ':file:_files', text: ':value: ' }
  const cases = verbs.map(({ name, flags, words }) => {
    const specs = flags.map(flag => `'*${dashed(flag)}[${zshText(flag.help)}]${after[flag.takes]}'`)
    const argument = words.length > 0 ? [`'1:word:(${words.join(' ')})'`] : []
    return `    ${name})\n      _arguments ${[...specs, "'--help[Say more]'", ...argument].join(' \\\n        ')} ;;`
  })
  return `#compdef mekare
# Completion of mekare for zsh: a file named _mekare in $fpath, or: source <(mekare completion zsh)
_mekare() {
  local -a verbs
  verbs=(
${verbs.map(({ name, help }) => `    '${name}:${zshText(help)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe -t verbs verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _mekare ]; then _mekare "$@"; else compdef _mekare mekare; fi
`
}

const fishText = (text: string): string => text.replace(/[\\']/g, '\\$&')

function fish(verbs: readonly Candidate[]): string {
  const after = { nothing: '', file: ' -r -F', text: ' -x' }
  const lines = verbs.flatMap(({ name, help, flags, words }) => {
    const when = `-n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c mekare -n __fish_use_subcommand -a ${name} -d '${fishText(help)}'`,
      ...words.map(word => `complete -c mekare ${when} -a ${word}`),
      ...flags.map(
        flag => `complete -c mekare ${when} -l ${flag.name}${after[flag.takes]} -d '${fishText(flag.help)}'`,
      ),
    ]
  })
  return `# Completion of mekare for fish: mekare completion fish > ~/.config/fish/completions/mekare.fish
complete -c mekare -f
complete -c mekare -l help -d 'Say more'
complete -c mekare -n __fish_use_subcommand -l version -d 'Which one this is'
${lines.join('\n')}
`
}
