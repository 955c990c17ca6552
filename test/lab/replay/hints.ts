// What a newcomer can try while the replay stays, ready to be pasted into another terminal.

import { basename, join, relative } from 'node:path'
import { PASSWORDS } from '../options.js'
import { PROGRAM } from '../programs.js'
import type { Scene } from './scene.js'

/** The addresses of the stand that the hints name. */
export function addresses({ stand, proxies, doors, leader }: Scene): string[] {
  const admins = proxies.map(({ admin }) => admin)
  return [...doors.write, ...doors.read, ...admins, `${stand.address(leader)}:${stand.ports.patroni}`]
}

/** Pairs of what it is and the line to paste. `outside`: how this machine reaches an address of the stand. */
export function hints(scene: Scene, outside: ReadonlyMap<string, string>): (readonly [what: string, line: string])[] {
  const { stand, proxies, doors, leader } = scene
  const reach = (where: string) => outside.get(where) ?? where
  const psql = (where: readonly string[]) =>
    `psql 'postgresql://app:${PASSWORDS.app}@${where.map(reach).join(',')}/app'`
  const [first] = proxies
  const sudo = process.env.SUDO_USER === undefined ? '' : 'sudo '
  const mekare = (verb: string) =>
    `${sudo}${sudo ? process.execPath : 'node'} ${relative(process.cwd(), PROGRAM)} ${verb} --socket ${first.socket}`
  const token = basename(stand.dir)
  return [
    ['write port', psql(doors.write)],
    ['read port', psql(doors.read)],
    ['who answers', 'select inet_server_addr(), pg_is_in_recovery();'],
    ['what mekare says', mekare('status --watch')],
    ['leader changes', mekare('incidents')],
    ['in a browser', proxies.map(({ admin }) => `http://${reach(admin)}/`).join('  ')],
    [
      'another switchover',
      `curl -s http://${reach(`${stand.address(leader)}:${stand.ports.patroni}`)}/switchover -d '{"leader":"${leader}"}'`,
    ],
    ...(stand.floating === undefined
      ? []
      : ([
          ['pull a cable', `${sudo}ip -n ${token}-net link set ${first.host} down    # and up`],
          ['who has the address', `${sudo}ip -n ${token}-${first.host} -br addr show eth0`],
        ] as const)),
    ['its log', join(stand.dir, first.host, 'mekare.log')],
  ]
}
