// Exit codes, and what a verb needs of main. sysexits.h: EX_UNAVAILABLE and EX_CONFIG; the others are the shell's custom.

import type { ConfigFlag } from './config-flags.js'

export const EXIT = { good: 0, failed: 1, usage: 2, unavailable: 69, config: 78 } as const

/** Each with its word, and what it says. */
export const EXIT_CODES = [
  { code: EXIT.good, word: 'good', says: 'It was done.' },
  { code: EXIT.failed, word: 'failed', says: 'It was not, or what was asked is not as it should be.' },
  { code: EXIT.usage, word: 'usage', says: 'The command line cannot be understood.' },
  { code: EXIT.unavailable, word: 'unavailable', says: 'The router that was asked does not answer.' },
  {
    code: EXIT.config,
    word: 'configuration',
    says: 'The configuration has mistakes; each is told with its place and remedy.',
  },
] as const

export interface RunOptions {
  /** `--config`. */
  readonly file?: string
  readonly flags: readonly ConfigFlag[]
}

export interface DemoOptions {
  /** End by itself. */
  readonly exit: boolean
  /** Print the outcome as one JSON document, and end. */
  readonly json: boolean
}

/** A terminal that can be taken over for a while. */
export interface Terminal {
  size(): { readonly columns: number; readonly rows: number }
  /** Hears keys, signals and changes of its size until the function returned is called. */
  take(told: { readonly resized: () => void; readonly stop: () => void }): () => void
}

export interface CliDeps {
  readonly version: string
  /** Each gives the exit code. */
  run(options: RunOptions): Promise<number>
  check(options: RunOptions & { readonly offline: boolean }): Promise<number>
  /** With `release`, the floating addresses are only taken off this host. */
  vrrp(options: RunOptions & { readonly release: boolean }): Promise<number>
  demo(options: DemoOptions): Promise<number>
  /** `admin.socket` of a configuration file; rejects when the file is wrong. */
  socketOf(file: string): Promise<string>
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Absent where standard output is no terminal. */
  readonly terminal?: Terminal
  /** Asks a question that is answered with yes or no; anything but yes is no. Absent where nobody can be asked. */
  readonly confirm?: (question: string) => Promise<boolean>
  readonly env: Readonly<Record<string, string | undefined>>
}
