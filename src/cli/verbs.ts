// The verbs of the command line as one table: help, arguments, flags, examples. Knows nothing of what they do.

import { SESSION_ID, SESSION_STATES } from '../pools/status.js'
import { either } from '../units/units.js'

export interface FlagSpec {
  /** `list`: a text that may be given more than once. */
  readonly type: 'boolean' | 'string' | 'list'
  /** What stands behind it, as help shows it. */
  readonly value?: string
  readonly help: string
  /** What is given must match. */
  readonly form?: Form
}

interface Form {
  readonly pattern: RegExp
  readonly must: string
}

export interface VerbSpec {
  readonly help: string
  /** The one argument, as help shows it; absent: it takes none. */
  readonly argument?: {
    readonly name: string
    readonly help: string
    /** May be left out. */
    readonly optional?: true
    /** What is given must match. */
    readonly form?: Form
    /** The words it can be, or some of them: for completion. */
    readonly words?: readonly string[]
  }
  readonly flags: Readonly<Record<string, FlagSpec>>
  /** Whether `--listen.write.address X` and the like are taken. */
  readonly takesConfig: boolean
  readonly examples: readonly (readonly [line: string, does: string])[]
}

const CONFIG: Readonly<Record<string, FlagSpec>> = {
  config: { type: 'string', value: 'FILE', help: 'The configuration file (YAML)' },
}
const SOCKET: Readonly<Record<string, FlagSpec>> = {
  socket: {
    type: 'string',
    value: 'FILE',
    help: 'The control socket [/run/mekare/control.sock, or admin.socket of --config]',
  },
  ...CONFIG,
}
const JSON_FLAG: Readonly<Record<string, FlagSpec>> = { json: { type: 'boolean', help: 'Print the document as JSON' } }
const LISTENER = { name: 'listener', help: "A listener's name, such as write or read", words: ['write', 'read'] }
const MEMBER = { name: 'member', help: "A member's name, or self for this router", words: ['self'] }

/** Those that completion is made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

export const VERBS = {
  run: {
    help: 'Route: follow the leader and forward connections, in the foreground',
    flags: CONFIG,
    takesConfig: true,
    examples: [
      ['mekare run --config /etc/mekare/mekare.yaml', 'as the file says'],
      ['mekare run --clusters.demo.etcd.hosts http://10.0.0.1:2379', 'with no file; each key of it is a flag'],
    ],
  },
  vrrp: {
    help: 'Hold the floating addresses by VRRP, in the foreground; needs CAP_NET_ADMIN and CAP_NET_RAW',
    flags: { ...CONFIG, release: { type: 'boolean', help: 'Only take the addresses off this host, and end' } },
    takesConfig: true,
    examples: [
      ['mekare vrrp --config /etc/mekare/mekare.yaml', 'beside mekare run, with the same file'],
      ['mekare vrrp --release --config /etc/mekare/mekare.yaml', 'after a sidecar that was killed'],
    ],
  },
  check: {
    help: 'Check the configuration and that what it names can be reached; change nothing',
    flags: { ...CONFIG, offline: { type: 'boolean', help: 'Only the configuration; ask nobody' } },
    takesConfig: true,
    examples: [
      [
        'mekare check --config /etc/mekare/mekare.yaml',
        'exit code 78 when it has mistakes, 1 when something does not answer',
      ],
      ['mekare check --offline --config /etc/mekare/mekare.yaml', 'only reads the file'],
    ],
  },
  status: {
    help: 'Show gate, leader, source, each member and why it is or is not in each pool, and listeners',
    flags: {
      ...JSON_FLAG,
      watch: {
        type: 'boolean',
        help: 'Show it each second, on a terminal as a screen that fits it, until q or Ctrl-C',
      },
      ...SOCKET,
    },
    takesConfig: false,
    examples: [
      ['mekare status', 'once'],
      ['mekare status --watch', 'during a switchover'],
      ['mekare status --json | jq .clusters[].gate', 'for a script'],
    ],
  },
  explain: {
    help: 'Say for each member why a new session on a listener would or would not go to it',
    argument: LISTENER,
    flags: SOCKET,
    takesConfig: false,
    examples: [['mekare explain read', 'each member and its verdict']],
  },
  sessions: {
    help: 'List the open sessions, from the client to where pg_stat_activity shows it and back; or cut one',
    flags: {
      ...JSON_FLAG,
      client: {
        type: 'string',
        value: 'HOST[:PORT]',
        help: 'Only those of this client, or that came by this balancer',
      },
      backend: {
        type: 'string',
        value: '[HOST:]PORT',
        help: 'Only those seen by PostgreSQL as this: client_addr and client_port of pg_stat_activity',
      },
      member: { type: 'string', value: 'NAME', help: 'Only those on this member' },
      listen: { type: 'string', value: 'NAME', help: 'Only those of this listener' },
      state: {
        type: 'string',
        value: 'STATE',
        help: `Only those in this state: ${either(SESSION_STATES)}`,
        form: { pattern: new RegExp(`^(${SESSION_STATES.join('|')})$`), must: `be ${either(SESSION_STATES)}` },
      },
      cut: {
        type: 'string',
        value: 'ID',
        help: 'End this session; its transaction is rolled back by PostgreSQL',
        form: { pattern: SESSION_ID, must: 'be the ID of a session, a number that mekare sessions shows' },
      },
      ...SOCKET,
    },
    takesConfig: false,
    examples: [
      ['mekare sessions', 'oldest first'],
      ['mekare sessions --backend 41234', 'whose connection pg_stat_activity shows with client_port 41234'],
      ['mekare sessions --client 10.0.0.7', 'where the connections of a client went'],
      ['mekare sessions --cut 118', 'end the one with this ID'],
    ],
  },
  incidents: {
    help: 'Show the last leader changes: why each began, the time of every phase, and whose it was',
    argument: {
      name: 'count',
      help: 'How many, counted from the latest [10]',
      optional: true,
      form: { pattern: /^[1-9]\d{0,3}$/, must: 'be a number from 1 to 9999' },
    },
    flags: { ...JSON_FLAG, ...SOCKET },
    takesConfig: false,
    examples: [
      ['mekare incidents', 'the last ten; the latest comes last'],
      ['mekare incidents 1', 'only the latest'],
    ],
  },
  switchover: {
    help: 'Have Patroni move the lead to another member: checks that it can, shows each phase as it comes, and what clients paid',
    flags: {
      to: {
        type: 'string',
        value: 'MEMBER',
        help: 'Who is to lead [a synchronous standby, else the one least behind]',
      },
      cluster: { type: 'string', value: 'NAME', help: 'Of this cluster; needed where there are several' },
      yes: { type: 'boolean', help: 'Do not ask; needed where there is no terminal' },
      json: { type: 'boolean', help: 'Print nothing but the leader change, as JSON, when it is over' },
      ...SOCKET,
    },
    takesConfig: false,
    examples: [
      ['mekare switchover', 'to the best candidate, after a question'],
      ['mekare switchover --to pg2 --yes', 'for a script; exit code 1 when it cannot be, or was not done'],
    ],
  },
  drain: {
    help: 'Give a member no new read sessions; self: this router lets its floating addresses move away, and /readyz says no',
    argument: MEMBER,
    flags: { ...SOCKET, wait: { type: 'boolean', help: 'Come back only when no session is left there' } },
    takesConfig: false,
    examples: [
      ['mekare drain pg3', 'before pg3 is worked on'],
      ['mekare drain self --wait', 'before this host is worked on'],
    ],
  },
  pause: {
    help: 'Have everyone new on a listener wait, holdFor at most; open sessions go on',
    argument: LISTENER,
    flags: SOCKET,
    takesConfig: false,
    examples: [['mekare pause write', 'before something that must not be disturbed by new sessions']],
  },
  resume: {
    help: 'Let those go on who wait on a paused listener',
    argument: LISTENER,
    flags: SOCKET,
    takesConfig: false,
    examples: [['mekare resume write', 'in the order in which they came']],
  },
  restart: {
    help: 'Have a new process take this one’s place (a newer version, or what reload cannot change); no connection is refused or reset',
    flags: SOCKET,
    takesConfig: false,
    examples: [
      ['mekare restart', 'answers when the new process serves; sessions of the old one have drainTimeout to end'],
    ],
  },
  reload: {
    help: 'Put the changed configuration file in force; no session is dropped, and a file with mistakes changes nothing',
    flags: SOCKET,
    takesConfig: false,
    examples: [['mekare reload', 'tells each change; exit code 78 when the file cannot be used']],
  },
  undrain: {
    help: 'Take a drain back',
    argument: MEMBER,
    flags: SOCKET,
    takesConfig: false,
    examples: [['mekare undrain pg3', 'when pg3 is back']],
  },
  import: {
    help: 'Read a configuration of HAProxy, keepalived, Patroni, and print ours (YAML) with a word on every line of it',
    flags: {
      haproxy: {
        type: 'list',
        value: 'FILE',
        help: 'HAProxy: a file, or a directory of *.cfg; may be given more than once',
      },
      keepalived: { type: 'list', value: 'FILE', help: 'keepalived: a file; may be given more than once' },
      patroni: {
        type: 'list',
        value: 'FILE',
        help: "Patroni's own file (patroni.yml), for scope and etcd; may be given more than once",
      },
      'config-id': {
        type: 'string',
        value: 'ID',
        help: 'Whose lines to take where keepalived has lines for one host only (@id), as its -i',
      },
    },
    takesConfig: true,
    examples: [
      [
        'mekare import --haproxy /etc/haproxy/haproxy.cfg --keepalived /etc/keepalived/keepalived.conf --patroni /etc/patroni.yml > mekare.yaml',
        'one host, whole',
      ],
      ['mekare import --haproxy haproxy.cfg --clusters.demo.etcd.hosts 10.0.0.1:2379', 'keys given here win'],
    ],
  },
  completion: {
    help: 'Print the completion of this command for a shell',
    argument: {
      name: 'shell',
      help: 'bash, zsh or fish',
      words: SHELLS,
      form: { pattern: new RegExp(`^(${SHELLS.join('|')})$`), must: `be ${SHELLS.join(', ')}` },
    },
    flags: {},
    takesConfig: false,
    examples: [
      ['mekare completion bash > /etc/bash_completion.d/mekare', 'for everybody'],
      ['source <(mekare completion zsh)', 'in ~/.zshrc'],
      ['mekare completion fish > ~/.config/fish/completions/mekare.fish', 'for yourself'],
    ],
  },
  demo: {
    help: 'Bring up a cluster on this machine, take parts of it out under load, and judge what clients saw',
    flags: {
      exit: { type: 'boolean', help: 'End by itself, with 0 when every verdict is good' },
      json: { type: 'boolean', help: 'Print the outcome as JSON, and end' },
    },
    takesConfig: false,
    examples: [
      ['mekare demo', 'until Ctrl-C; as root with a floating address'],
      ['mekare demo --exit', 'for a script'],
    ],
  },
} as const satisfies Record<string, VerbSpec>

export type Verb = keyof typeof VERBS

export function isVerb(word: string): word is Verb {
  return Object.hasOwn(VERBS, word)
}

/** How the verb is called, with its argument and the flags of the configuration where it takes them. */
export function synopsis(verb: string, { argument, takesConfig }: VerbSpec): string {
  const name = argument?.name.toUpperCase()
  const given = name === undefined ? '' : argument?.optional ? ` [${name}]` : ` ${name}`
  return `mekare ${verb}${given}${takesConfig ? ' [--KEY.OF.CONFIGURATION VALUE]...' : ''}`
}
