// Knows which servers demo, benchmark and tests need, how to see that each is there, and the Debian package it comes in.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * @typedef {object} Need
 * @property {string} what     as the user is told
 * @property {boolean} present
 * @property {string[]} debian packages, in order of preference
 * @property {string[]} [with] packages that go with it
 */

/** @typedef {'demo' | 'bench' | 'test'} Purpose */

/** @typedef {Record<'etcd' | 'etcdctl' | 'patroni' | 'postgres' | 'python', string | undefined>} Found */

/** @param {string} program @param {readonly string[]} args */
function works(program, args) {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 20_000 })
    return true
  } catch {
    return false
  }
}

/** Whether the interpreter in Patroni's first line has these modules. @param {string | undefined} patroni @param {string} modules */
function patroniImports(patroni, modules) {
  if (!patroni) return false
  const [, interpreter] = /^#!\s*(\S+)/.exec(readFileSync(patroni, 'utf8')) ?? []
  return interpreter !== undefined && works(interpreter, ['-c', `import ${modules}`])
}

/**
 * Everything the purpose needs.
 * @param {Purpose} purpose
 * @param {Found} found                               the stand's own programs
 * @param {(name: string) => string | undefined} find finds any other program
 * @returns {Need[]}
 */
export function needs(purpose, found, find) {
  const demo = [
    { what: 'etcd', present: Boolean(found.etcd), debian: ['etcd-server', 'etcd'] },
    { what: 'etcdctl', present: Boolean(found.etcdctl), debian: ['etcd-client', 'etcd'] },
    {
      what: 'Patroni with etcd support',
      present: patroniImports(found.patroni, 'patroni.dcs.etcd3, psycopg2'),
      debian: ['patroni'],
      with: ['python3-etcd', 'python3-psycopg2'],
    },
    { what: 'a PostgreSQL server', present: Boolean(found.postgres), debian: ['postgresql'] },
    { what: 'psql', present: Boolean(find('psql')), debian: ['postgresql-client'] },
    { what: 'ip (iproute2)', present: Boolean(find('ip')), debian: ['iproute2'] },
  ]
  if (purpose === 'demo') return demo
  const bench = [
    ...demo,
    { what: 'pgbench', present: isFile(`${found.postgres}/pgbench`), debian: ['postgresql-contrib'] },
    { what: 'HAProxy', present: Boolean(find('haproxy')), debian: ['haproxy'] },
    { what: 'PgBouncer', present: Boolean(find('pgbouncer')), debian: ['pgbouncer'] },
    { what: 'Ansible', present: Boolean(find('ansible-playbook')), debian: ['ansible-core', 'ansible'] },
    { what: 'tcpdump', present: Boolean(find('tcpdump')), debian: ['tcpdump'] },
    { what: 'keepalived', present: Boolean(find('keepalived')), debian: ['keepalived'] },
    {
      what: 'psycopg2',
      present: works(found.python ?? 'python3', ['-c', 'import psycopg2']),
      debian: ['python3-psycopg2'],
    },
  ]
  if (purpose === 'bench') return bench
  const jdbc = '/usr/share/java/postgresql.jar'
  return [
    ...bench,
    { what: 'openssl', present: Boolean(find('openssl')), debian: ['openssl'] },
    {
      what: "Python's idna, for Patroni's TLS to etcd",
      present: patroniImports(found.patroni, 'idna'),
      debian: ['python3-idna'],
    },
    { what: 'promtool, of Prometheus', present: Boolean(find('promtool')), debian: ['prometheus'] },
    { what: 'zsh', present: Boolean(find('zsh')), debian: ['zsh'] },
    { what: 'fish', present: Boolean(find('fish')), debian: ['fish'] },
    { what: 'man', present: Boolean(find('man')), debian: ['man-db'] },
    { what: 'mandoc', present: Boolean(find('mandoc')), debian: ['mandoc'] },
    {
      what: 'Chromium',
      present: ['chromium', 'chromium-browser', 'google-chrome'].some(name => find(name)),
      debian: ['chromium', 'chromium-browser'],
    },
    ...(find('java') ? [{ what: 'the JDBC driver', present: isFile(jdbc), debian: ['libpostgresql-jdbc-java'] }] : []),
  ]
}

/** @param {string} path */
const isFile = path => works('test', ['-f', path])
