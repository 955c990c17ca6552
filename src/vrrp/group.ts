// A sync group: several virtual routers of one host that are master together or not at all. A pure function over their machines.
// Knows nothing of packets. The priorities of a group must rank two hosts alike in each member, else no host can be master of all.

import { type Ms, ms } from '../units/units.js'
import { takeoverObjection } from './backup.js'
import { step, wakeAt } from './machine.js'
import type { Action, Input, Role, State } from './state.js'
import { needsWitness, permits } from './witness.js'

/** The machines of a group by name; each has `grouped` in its setup. */
export type Group = ReadonlyMap<string, State>

export interface GroupAction {
  readonly name: string
  readonly action: Action
}

export type GroupResult = readonly [Group, readonly GroupAction[]]

/** Name of the fault a member has because another one is broken. */
const SHARED = 'sync group'

/**
 * Takes an input in for one member, or for all where `to` is undefined, and lets the others follow: the fault of one is the fault of
 * all, one that stops being master takes all with it, and all become master once none of them hears a master it must respect. What the
 * witness says is about all of them.
 */
export function stepGroup(group: Group, to: string | undefined, input: Input, now: Ms): GroupResult {
  if (input.kind === 'takeover') return takeover(group, now)
  const all = to === undefined || input.kind === 'witness'
  const names = all ? [...group.keys()] : [to]
  const first = each([group, []], names, () => input, now)
  const settled = settle(rolesOf(group), first, now)
  return input.kind === 'time' ? campaigned(settled, now) : settled
}

/** Whether the witness should name this host: when all of the group are master, or would be. */
export function groupNeedsWitness(group: Group): boolean {
  return [...group.values()].every(needsWitness)
}

/** When to come back with `time` for the whole group. */
export function wakeGroupAt(group: Group): Ms | undefined {
  const times = [...group.values()].map(wakeAt).filter(at => at !== undefined)
  return times.length === 0 ? undefined : ms(Math.min(...times))
}

type Roles = ReadonlyMap<string, Role>

const rolesOf = (group: Group): Roles => new Map([...group].map(([name, { phase }]) => [name, phase.role]))

const withRole = (group: Group, role: Role) => [...group].filter(([, { phase }]) => phase.role === role)

function each(
  [group, done]: GroupResult,
  names: readonly string[],
  inputFor: (name: string) => Input,
  now: Ms,
): GroupResult {
  const next = new Map(group)
  const actions = [...done]
  for (const name of names) {
    const state = next.get(name)
    if (!state) continue
    const [after, made] = step(state, inputFor(name), now)
    next.set(name, after)
    actions.push(...made.map(action => ({ name, action })))
  }
  return [next, actions]
}

/** Everybody follows: first into and out of faults, then down, then up. */
function settle(before: Roles, result: GroupResult, now: Ms): GroupResult {
  const shared = shareFaults(result, now)
  return rise(fall(before, shared, now), now)
}

function ownTrouble(group: Group, except: string): string | undefined {
  for (const [name, { faults }] of group) {
    if (name === except) continue
    for (const [fault, why] of faults) if (fault !== SHARED) return `${name}, of the same sync group: ${why}`
  }
  return undefined
}

function shareFaults([group, actions]: GroupResult, now: Ms): GroupResult {
  const changed = [...group].filter(([name, { faults }]) => faults.get(SHARED) !== ownTrouble(group, name))
  const names = changed.map(([name]) => name)
  const inputFor = (name: string): Input => {
    const why = ownTrouble(group, name)
    return why === undefined ? { kind: 'fault_over', name: SHARED } : { kind: 'fault', name: SHARED, why }
  }
  return each([group, actions], names, inputFor, now)
}

/** One that was master and is no longer takes the others down; they say goodbye, so that their backups need not wait. */
function fall(before: Roles, [group, actions]: GroupResult, now: Ms): GroupResult {
  const left = [...group].find(([name, { phase }]) => before.get(name) === 'master' && phase.role !== 'master')
  if (!left) return [group, actions]
  const masters = withRole(group, 'master').map(([name]) => name)
  const why = `${left[0]}, of the same sync group, is no longer master`
  return each([group, actions], masters, () => ({ kind: 'yield', why }), now)
}

/** Once all would be master, each of them campaigns where the witness keeps it from it; a single machine does so by itself. */
function campaigned([group, actions]: GroupResult, now: Ms): GroupResult {
  if (!groupNeedsWitness(group)) return [group, actions]
  const waiting = withRole(group, 'backup').filter(([, { setup }]) => setup.grouped)
  const names = waiting.map(([name]) => name)
  return each([group, actions], names, () => ({ kind: 'campaign' }), now)
}

/** All go up when each that is not master is a backup that would claim and may, or when one is master by right (an owner). */
function rise([group, actions]: GroupResult, now: Ms): GroupResult {
  const backups = withRole(group, 'backup')
  const masters = withRole(group, 'master')
  if (backups.length === 0 || backups.length + masters.length < group.size) return [group, actions]
  const ready = masters.length > 0 || backups.every(([, state]) => needsWitness(state) && permits(state))
  if (!ready) return [group, actions]
  return each(
    [group, actions],
    backups.map(([name]) => name),
    () => ({ kind: 'claim' }),
    now,
  )
}

/** Wanted by the operator: all or none, since one that would lose its addresses at once would take the others with it. */
function takeover(group: Group, now: Ms): GroupResult {
  const refused = [...group].flatMap(([name, state]) => {
    const why = takeoverObjection(state)
    return why === undefined ? [] : [{ name, action: { kind: 'takeover_refused' as const, why } }]
  })
  if (refused.length > 0) return [group, refused]
  return each([group, []], [...group.keys()], () => ({ kind: 'takeover' }), now)
}
