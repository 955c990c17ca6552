// The part of the table that says whom to tell of what happens: a command or a URL.
// Knows one key at a time; rules between keys are in rules.ts.

import { z } from 'zod'
import * as kind from './kinds.js'
import { key } from './kinds.js'

export const hook = z.strictObject({
  on: key(
    kind.list(kind.choice('leader', 'gate', 'address')).prefault(['leader', 'gate', 'address']),
    'What is told: `leader` (the leader key has moved; and when a leader change is over, with its phases), `gate` (closed for `gateClosedFor`, and open again after that), `address` (a floating address has come to this host or left it).',
  ),
  command: key(
    kind.list(kind.text('a word of a command')).prefault([]),
    'The program by its absolute path, and its arguments, one item each: no shell reads them. It gets the event as a line of JSON on standard input, and its name in MEKARE_EVENT.',
    { example: ['/usr/local/bin/tell-us', '--team', 'db'] },
  ),
  url: key(
    kind.secretUrl().exactOptional(),
    'In place of a command: where the event is posted to, as JSON. In the file or the environment, never as a flag: such addresses hold tokens, and are never logged. Better is `urlFile`.',
  ),
  urlFile: key(kind.file().exactOptional(), 'File that holds the URL; one newline at its end is taken off.'),
  timeout: key(kind.duration('100ms', '5min').prefault('10s'), 'A run that takes longer is ended, and has failed.'),
  gateClosedFor: key(
    kind.duration('0', '24h').prefault('10s'),
    'How long a gate must have been closed to be told of; a switchover takes 1 to 3 s.',
  ),
  perMinute: key(
    kind.count(1, 600).prefault('10'),
    'The most it is run in a minute; what is left out is counted in the next one as `suppressed`.',
  ),
})
