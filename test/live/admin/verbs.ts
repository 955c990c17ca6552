// The command line against the control socket.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cli } from '../../../src/cli/cli.js'
import type { CliDeps } from '../../../src/cli/deps.js'
import { control, directory, status } from './fakes.js'

async function run(line: readonly string[], confirm?: CliDeps['confirm']) {
  const said = { out: '', err: '' }
  const fail = async () => Promise.reject(new Error('nobody expected this call'))
  const code = await cli(line, {
    version: '0.1.0',
    run: fail,
    check: async options => (options.flags.length === 1 && options.file === 'f.yaml' ? 78 : 1),
    vrrp: fail,
    demo: fail,
    socketOf: async file => `${file}.sock`,
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
    env: {},
    ...(confirm && { confirm }),
  })
  return { code, ...said }
}

t.test('the command line asks the control socket, prints, and ends with the right code', async t => {
  const { path, drained } = await control(t)
  const at = ['--socket', path]
  t.match(await run(['status', ...at]), { code: 0, out: /^mekare 0\.1\.0 on gate<1>, up 1s\n/, err: '' })
  t.strictSame(JSON.parse((await run(['status', '--json', ...at])).out), status)
  t.match(await run(['explain', 'read', ...at]), { code: 0, out: 'pg1: not usable: the primary\npg2: streaming?[2J\n' })
  t.match(await run(['explain', 'x', ...at]), { code: 1, err: /there are: read/ })
  t.match(await run(['sessions', ...at]), { code: 0, out: 'no such session is open\n' })
  t.match(await run(['incidents', ...at]), { code: 0, out: /no leader change/ })
  t.match(await run(['drain', 'pg 3', ...at]), { code: 0, out: 'pg 3: drained\n' })
  t.match(await run(['undrain', 'self', ...at]), { code: 0, out: 'self: undrained\n' })
  t.match(await run(['drain', 'pg9', ...at]), { code: 1, err: 'no member is named pg9\n' })
  t.strictSame(drained, ['pg 3 true', 'self false'])
  t.match(await run(['--version']), { code: 0, out: 'mekare 0.1.0\n' })
  t.match(await run(['stats']), { code: 2, err: /did you mean status\?/ })
  t.match(await run(['check', '--config', 'f.yaml', '--log.level', 'debug']), { code: 78 })
})

t.test('a switchover shows each phase and what clients paid; one that cannot be says why', async t => {
  const { path } = await control(t)
  const at = ['--socket', path]
  t.match(await run(['switchover', '--to', 'pg9', '--yes', ...at]), {
    code: 1,
    out: '',
    err: 'demo: no member is named pg9\n',
  })
  t.match(await run(['switchover', ...at]), { code: 2, err: 'there is no terminal to ask on: say --yes\n' })
  t.match(await run(['switchover', ...at], async () => false), { code: 1, err: 'nothing is done\n' })
  t.match(await run(['switchover', '--to', 'pg3', '--yes', ...at]), {
    code: 1,
    err: 'demo: Patroni refused: no good candidates\n',
  })
  t.strictSame(await run(['switchover', ...at], async () => true), {
    code: 0,
    out: `demo: pg1 → pg2 (streaming, 0B behind)
  3 open sessions on pg1 will end; who comes to write waits (holdFor: write 45s)
  +0.000s  0.000s  first sign
  +0.001s  0.001s  gate closed
  +0.200s  0.199s  open sessions of pg1 end
  +1.300s  1.100s  leader key names pg2
  +1.390s  0.090s  pg2 asked: no primary yet
  +1.400s  0.010s  pg2 confirms, gate open
  +1.405s  0.005s  first write let through
pg1 → pg2 took 1.405s: Patroni 1.389s, mekare 0.016s
  clients: new connections to write were let in again after 1.404s; open sessions were without a primary for 1.205s; 4 held, 0 lost with pg1, 0 cut, 0 refused
`,
    err: '',
  })
})

t.test('a session is cut by its ID; one that is not there is told', async t => {
  const { path } = await control(t)
  const at = ['--socket', path]
  t.match(await run(['sessions', '--cut', '7', ...at]), { code: 0, out: 'session 7 is cut\n' })
  t.match(await run(['sessions', '--cut', '8', ...at]), { code: 1, err: 'no session 8 is open\n' })
  for (const id of ['-1', '0', '7;8', '1e3'])
    t.match(await run(['sessions', `--cut=${id}`, ...at]), {
      code: 2,
      err: `--cut must be the ID of a session, a number that mekare sessions shows, but is ${id}\n`,
    })
})

t.test('no router: exit 69 and what to do', async t => {
  const where = directory(t)
  const missing = join(where, 'none')
  t.match(await run(['status', '--socket', missing]), { code: 69, out: '', err: /\(ENOENT\); start the router with/ })
  t.match(await run(['status', '--config', missing]), { code: 69, err: /none\.sock: no such socket/ })
  const file = join(where, 'file')
  writeFileSync(file, '')
  t.match(await run(['status', '--socket', file]), { code: 69, err: /(ENOTSOCK|ECONNREFUSED)/ })
})
