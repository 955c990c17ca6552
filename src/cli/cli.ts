// Runs what the command line asks for. run, check and demo are callbacks of main; the other verbs ask the control socket.
// Owns exit codes and what is printed.

import { completionFor } from './completion.js'
import { askVerb } from './control-verbs.js'
import { type CliDeps, EXIT, type RunOptions } from './deps.js'
import { runImport } from './import.js'
import { parse, type Wanted } from './parse.js'

/** Does what the arguments (those after the program's name) ask for; gives the exit code. */
export async function cli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const parsed = parse(argv)
  switch (parsed.kind) {
    case 'help':
      deps.out(`${parsed.text}\n`)
      return EXIT.good
    case 'version':
      deps.out(`mekare ${deps.version}\n`)
      return EXIT.good
    case 'usage':
      deps.err(`${parsed.why}\nmekare --help lists the verbs, mekare VERB --help their flags\n`)
      return EXIT.usage
    case 'verb':
      return perform(parsed, deps)
    default:
      return parsed satisfies never
  }
}

function perform(wanted: Wanted, deps: CliDeps): Promise<number> {
  const { args, configFlags } = wanted
  const options: RunOptions = { flags: configFlags, ...(args.config === undefined ? {} : { file: args.config }) }
  switch (wanted.verb) {
    case 'run':
      return deps.run(options)
    case 'vrrp':
      return deps.vrrp({ ...options, release: args.release })
    case 'check':
      return deps.check({ ...options, offline: args.offline })
    case 'import':
      return runImport(wanted, deps)
    case 'completion':
      deps.out(completionFor(args.name))
      return Promise.resolve(EXIT.good)
    case 'demo':
      return deps.demo({ exit: args.exit, json: args.json })
    default:
      return askVerb(wanted.verb, wanted, deps)
  }
}
