// One vrrp_instance → one virtual router of ours.

import { type Finding, hole, key, type Line, maybe, note } from '../finding.js'
import { duration, keepalivedMs } from '../units.js'
import { readAddresses } from './addresses.js'
import type { Block } from './blocks.js'
import { added, askedBy, type Check, readChecks } from './checks.js'
import { type Entry, entriesOf, last, said } from './statements.js'

export interface Surroundings {
  readonly global: Block | undefined
  readonly checks: readonly Check[]
  /** The vrrp_sync_group that names this instance, and its name with us. */
  readonly group: { readonly block: Block; readonly name: string; readonly from: readonly Line[] } | undefined
}

/** The keys of the virtual router called `name`, in the order of the reference page. */
export function readInstance(block: Block, name: string, around: Surroundings): readonly Finding[] {
  const path = `vrrp.${name}`
  const addresses = readAddresses(block, path)
  const version = versionOf(block, around.global, addresses.family)
  return [
    ...plain(block, path),
    ...readPriority(block, path, around),
    key(`${path}.version`, version.value, version.from, version.value === '2' ? VERSION : ''),
    ...readInterval(block, path, version.value),
    ...addresses.findings,
    ...readPeers(block, path),
    ...readAuth(block, path, name, version.value),
    ...readPreemption(block, path),
    ...readGarp(block, around.global, path),
    ...readVirtualMac(block, path),
    ...(around.group === undefined ? [] : [key(`${path}.syncGroup`, around.group.name, around.group.from)]),
    ...readTracks(block, path, around),
  ]
}

const VERSION = 'as keepalived has it on the other host; 3, once every host runs mekare, takes over sooner'

function plain(block: Block, path: string): readonly Finding[] {
  const [link, id] = [said(block, 'interface'), said(block, 'virtual_router_id')]
  return [
    link === undefined
      ? hole(`${path}.interface`, 'eth0', 'fill in: the interface that carries the addresses', [block.line])
      : key(`${path}.interface`, link.value, [block.line, link.line], `vrrp_instance ${block.line.words[1]}`),
    id === undefined
      ? hole(`${path}.routerId`, '51', 'fill in: the VRID, the same on all hosts', [block.line])
      : key(`${path}.routerId`, id.value, [id.line]),
  ]
}

/** What checks add while they succeed is part of the rank beside a keepalived of the other host, so it is part of ours. */
function readPriority(block: Block, path: string, { checks, group }: Surroundings): readonly Finding[] {
  const given = said(block, 'priority')
  const base = given === undefined ? 100 : Number(given.value)
  const more = group === undefined && base < 255 ? added(askedBy(block, checks).asked) + addedByInterfaces(block) : 0
  const from = given === undefined ? [] : [given.line]
  if (!Number.isInteger(base)) return [key(`${path}.priority`, given?.value ?? '', from)]
  const say =
    more === 0 ? '' : `${base}, and ${more} that checks add while they succeed: so it ranks as before beside keepalived`
  return [key(`${path}.priority`, String(base + more > 254 && more > 0 ? 254 : base + more), from, say)]
}

const weightOf = (words: readonly string[]): number => {
  const at = words.indexOf('weight')
  return at < 0 ? 0 : Number(words[at + 1]) || 0
}

const addedByInterfaces = (block: Block): number =>
  entriesOf(block, 'track_interface').reduce((sum, { words }) => sum + Math.max(0, weightOf(words)), 0)

/** The instance's own, then the global one; 2 by default, and always 3 for IPv6. */
function versionOf(
  block: Block,
  global: Block | undefined,
  family: 4 | 6,
): { readonly value: string; readonly from: readonly Line[] } {
  const given = said(block, 'version') ?? said(global, 'vrrp_version')
  return { value: family === 6 ? '3' : (given?.value ?? '2'), from: given === undefined ? [] : [given.line] }
}

/** keepalived rounds to what the version can say: whole seconds, or hundredths. */
function readInterval(block: Block, path: string, version: string): readonly Finding[] {
  const given = said(block, 'advert_int')
  const length = keepalivedMs(given?.value ?? '1')
  if (given === undefined) return [key(`${path}.advertInterval`, '1s', [])]
  if (length === undefined) return [key(`${path}.advertInterval`, given.value, [given.line])]
  const step = version === '2' ? 1000 : 10
  const rounded = Math.max(step, Math.round(length / step) * step)
  return [
    key(
      `${path}.advertInterval`,
      duration(rounded),
      [given.line],
      rounded === length ? '' : `keepalived rounds ${given.value} too`,
    ),
  ]
}

function readPeers(block: Block, path: string): readonly Finding[] {
  const peers = entriesOf(block, 'unicast_peer')
  if (peers.length === 0) return []
  const limited = peers.filter(({ words }) => words.length > 1)
  return [
    key(
      `${path}.peers`,
      peers.map(({ words }) => words[0] ?? ''),
      peers.flatMap(({ head, line }) => [head, line]),
    ),
    ...limited.map(({ line, words }) => note('gone', line, 'adverts must have TTL 255', words.slice(1).join(' '))),
  ]
}

function readAuth(block: Block, path: string, name: string, version: string): readonly Finding[] {
  const auth = last(block, 'authentication')
  const [type, password] = [said(auth, 'auth_type'), said(auth, 'auth_pass')]
  if (auth === undefined || version !== '2') return []
  if (type !== undefined && type.value !== 'PASS')
    return [
      note(
        'gone',
        type.line,
        'is not spoken: change both hosts to PASS, or to version 3 without, before mekare joins them',
      ),
    ]
  const from = [auth.line, ...(type === undefined ? [] : [type.line])]
  const file = `/etc/mekare/vrrp-${name}.password`
  const say = `fill in: write the first 8 bytes of auth_pass into this file, readable for mekare alone; then remove this line`
  return [
    key(`${path}.auth.type`, 'pass', from),
    hole(`${path}.auth.passwordFile`, file, say, password === undefined ? [] : [password.line]),
  ]
}

function readPreemption(block: Block, path: string): readonly Finding[] {
  const [never, delay] = [last(block, 'nopreempt'), said(block, 'preempt_delay')]
  const begun = said(block, 'state')?.value === 'MASTER'
  const length = keepalivedMs(delay?.value)
  const ignored = (line: Line) => note('idle', line, 'keepalived ignores it beside state MASTER')
  if (begun)
    return [
      ...(never === undefined ? [] : [ignored(never.line)]),
      ...(delay === undefined ? [] : [ignored(delay.line)]),
    ]
  return [
    ...(never === undefined ? [] : [key(`${path}.preempt`, 'false', [never.line])]),
    ...(delay === undefined
      ? []
      : [key(`${path}.preemptDelay`, length === undefined ? delay.value : duration(length), [delay.line])]),
  ]
}

function readGarp(block: Block, global: Block | undefined, path: string): readonly Finding[] {
  const given = (word: string) => said(block, word) ?? said(global, `vrrp_${word}`)
  const once = said(global, 'vrrp_min_garp')
  if (once !== undefined && !/^(off|false|no)$/.test(once.value))
    return [key(`${path}.garp.repeat`, '1', [once.line]), key(`${path}.garp.again`, '0s', [once.line])]
  const [repeat, delay, refresh] = ['garp_master_repeat', 'garp_master_delay', 'garp_master_refresh'].map(given)
  const seconds = (to: string, value: ReturnType<typeof said>) => {
    const length = keepalivedMs(value?.value)
    return value === undefined
      ? []
      : [key(`${path}.garp.${to}`, length === undefined ? value.value : duration(length), [value.line])]
  }
  return [
    ...(repeat === undefined ? [] : [key(`${path}.garp.repeat`, repeat.value, [repeat.line])]),
    ...seconds('again', delay),
    ...seconds('refresh', refresh),
  ]
}

/** The virtual MAC address is the same on both sides (RFC 9568, section 7.3), the name of the interface that has it is not. */
function readVirtualMac(block: Block, path: string): readonly Finding[] {
  const given = said(block, 'use_vmac')
  if (given === undefined || said(block, 'priority')?.value === '255') return []
  const say = given.value === '' ? '' : `its interface is named mk<family>-<VRID>-<index>, not ${given.value}`
  return [key(`${path}.virtualMac`, 'true', [given.line], say)]
}

/** In a sync group keepalived drops checks that have a weight (its log: "ignoring … due to SYNC group"). */
function readTracks(block: Block, path: string, { checks, group }: Surroundings): readonly Finding[] {
  const mine = askedBy(block, checks)
  const shared = askedBy(group?.block, checks)
  const all = [...mine.asked, ...shared.asked]
  const dropped = group === undefined ? [] : all.filter(({ check, weight }) => weight !== 0 && !check.ofProxy)
  const links = [...entriesOf(block, 'track_interface'), ...entriesOf(group?.block, 'track_interface')]
  const own = said(block, 'interface')?.value
  return [
    ...mine.notes,
    ...shared.notes,
    ...dropped.map(({ entry }) => note('idle', entry.line, 'keepalived drops a check with a weight in a sync group')),
    ...readChecks(
      all.filter(one => !dropped.includes(one)),
      path,
    ),
    ...readLinks(links, own, path),
  ]
}

/** The interface of the router itself is always watched. */
function readLinks(links: readonly Entry[], own: string | undefined, path: string): readonly Finding[] {
  const others = links.filter(({ words }) => words[0] !== own)
  const names = [...new Set(others.map(({ words }) => words[0] ?? ''))]
  const lines = others.flatMap(({ head, line }) => [head, line])
  return [
    ...maybe(`${path}.track.interfaces`, names.length === 0 ? undefined : names, lines),
    ...links.filter(link => !others.includes(link)).map(({ line }) => note('idle', line, 'it is always watched')),
    ...links.filter(({ words }) => weightOf(words) !== 0).map(({ line }) => note('gone', line, DOWN)),
  ]
}

const DOWN = 'an interface that is down gives the addresses up, whatever its weight was'
