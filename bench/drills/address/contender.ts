// Who is measured: mekare's proxy and sidecar, or HAProxy with Patroni's template and keepalived. Knows how each is configured and
// started on a host; both have priorities 250 and 240, version 3 and preemption.

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FloatingHosts, PROGRAM, type Program } from '../../../test/lab/floating.js'
import { createPair, M, VIP } from '../../../test/lab/pair.js'
import { PORT } from './site.js'

export interface Contender {
  readonly name: string
  /** Between adverts, in ms. */
  readonly interval: number
  /** The backup's skew, in ms. */
  readonly skew: number
  proxy(host: string): Program
  /** What holds the address. */
  sidecar(host: string): Program
}

export type Contend = (hosts: FloatingHosts) => Contender

/** (256 − 240) / 256 of the interval (RFC 9568, section 6.1). */
const skewOf = (interval: number) => interval / 16

/** mekare with adverts every `interval` ms, its programs begun by `before`: a command that runs another. */
export const mekare =
  (interval: number, before: readonly string[] = []): Contend =>
  hosts => {
    const words = interval % 1000 === 0 ? `${interval / 1000}s` : `${interval}ms`
    const { configs } = createPair(hosts, words, 'preempt: true')
    const start = (host: string, verb: string) =>
      hosts.start(host, [...before, process.execPath, PROGRAM, verb, '--config', configs[host as typeof M]])
    return {
      name: `mekare ${words}`,
      interval,
      skew: skewOf(interval),
      proxy: host => start(host, 'run'),
      sidecar: host => start(host, 'vrrp'),
    }
  }

/** keepalived with adverts every second, asking every 2 s whether HAProxy lives: its death is a fault, or lowers the priority by 20. */
export const keepalived =
  (onDeath: 'fault' | 'weight'): Contend =>
  hosts => ({
    name: onDeath === 'fault' ? 'keepalived 1s' : 'keepalived 1s, weight -20',
    interval: 1000,
    skew: skewOf(1000),
    proxy(host) {
      const haproxy = hosts.start(host, ['haproxy', '-db', '-f', hosts.file(`${host}-haproxy.cfg`, haproxyConfig)])
      writeFileSync(pidFile(hosts, host), String(haproxy.child.pid))
      return haproxy
    },
    sidecar(host) {
      const check = hosts.file(`${host}-check`, `#!/bin/sh\nexec kill -0 "$(cat ${pidFile(hosts, host)})"\n`)
      chmodSync(check, 0o755)
      const config = hosts.file(`${host}-keepalived.conf`, keepalivedConfig(host, check, onDeath))
      const pids = ['-p', `${hosts.dir}/${host}-k.pid`, '-r', `${hosts.dir}/${host}-v.pid`]
      return hosts.start(host, ['keepalived', '-n', '-l', '-D', '-P', '-f', config, ...pids])
    },
  })

const pidFile = (hosts: FloatingHosts, host: string) => join(hosts.dir, `${host}-haproxy.pid`)

/** Patroni's extras/haproxy template, as it is; the members are not there. */
const haproxyConfig = `global
    maxconn 100

defaults
    log global
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s

listen batman
    bind *:${PORT}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
    server pg1 10.78.0.21:5432 maxconn 100 check port 8008
    server pg2 10.78.0.22:5432 maxconn 100 check port 8008
`

const keepalivedConfig = (host: string, check: string, onDeath: 'fault' | 'weight') => `global_defs {
    router_id ${host}
    vrrp_version 3
    script_user root
    enable_script_security
}
vrrp_script haproxy {
    script "${check}"
    interval 2
    ${onDeath === 'weight' ? 'weight -20' : ''}
}
vrrp_instance pg {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority ${host === M ? 250 : 240}
    advert_int 1
    virtual_ipaddress {
        ${VIP}/24
    }
    track_script {
        haproxy
    }
}
`
