// What the figures were measured with: the machine, and the version of every program that took part. Measures nothing.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, lookForPrograms } from '../test/lab/programs.js'
import { describeMachine, version } from './drills/machine.js'

const HERE = fileURLToPath(new URL('../..', import.meta.url))

/** By name; a program that is not there is left out. */
export function describeAll(): Record<string, string> {
  const { postgres, patroni, etcd } = lookForPrograms()
  const programs: Readonly<Record<string, readonly [string | undefined, string]>> = {
    postgres: [postgres && join(postgres, 'postgres'), '--version'],
    haproxy: [findProgram('haproxy'), '-v'],
    pgbouncer: [findProgram('pgbouncer'), '--version'],
    patroni: [patroni, '--version'],
    etcd: [etcd, '--version'],
    mekare: [findProgram('git'), `-C ${HERE} describe --always --dirty`],
  }
  const told = Object.entries(programs).flatMap(([name, [path, flags]]) =>
    path ? [[name, version(path, ...flags.split(' '))]] : [],
  )
  return { ...describeMachine(), ...Object.fromEntries(told) }
}
