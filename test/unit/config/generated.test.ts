// What is made from the table: schema, flags, sample file, reference; and the digest of a configuration.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse as parseYaml } from 'yaml'
import { configDigest } from '../../../src/config/digest.js'
import { generateSchema } from '../../../src/config/json-schema.js'
import { keysOf } from '../../../src/config/keys.js'
import { flagTable, generateExample, generateReference } from '../../../src/config/pages.js'
import { load, withFlags } from './loading.js'

t.test('the digest tells configurations apart, but not their secrets, their order or their proxy', async t => {
  const yaml = (text: string) => configDigest(load({ yaml: `clusters: {demo: {${text}}}` }))
  const base = yaml('etcd: {hosts: [a:2379]}, probe: {user: m, password: x}')
  t.match(base, /^[0-9a-f]{64}$/)
  t.equal(yaml('probe: {password: y, user: m}, etcd: {hosts: ["http://a:2379/"]}'), base)
  t.not(yaml('etcd: {hosts: [b:2379]}, probe: {user: m, password: x}'), base)
  t.equal(configDigest(load(withFlags({ 'fleet.name': 'other' }))), configDigest(load(withFlags({}))))
  t.not(configDigest(load(withFlags({ 'listen.write.holdFor': '46s' }))), configDigest(load(withFlags({}))))
  const listening = (address: string) => configDigest(load(withFlags({ 'listen.write.address': address })))
  t.equal(listening('10.0.0.7:5000'), listening('10.0.0.8:5000'), 'each host may listen on an address of its own')
  t.not(listening('10.0.0.7:5000'), listening('10.0.0.7:5002'))
})

t.test('every key has an explanation, a type and a place in the schema', async t => {
  for (const { path, leaf } of keysOf()) {
    t.ok(
      leaf.doc.endsWith('.') && leaf.noun && leaf.write && leaf.unit && Object.keys(leaf.json).length,
      path.join('.'),
    )
  }
})

t.test('the flag table holds every key but the secrets', async t => {
  const rows = flagTable()
  t.equal(rows.length, keysOf().filter(({ leaf }) => !leaf.secret).length)
  t.same(
    rows.filter(({ name }) => name.endsWith('.password')),
    [],
  )
  t.match(
    rows.find(({ name }) => name === '--listen.<name>.holdFor'),
    { default: '45s for role primary, else 5s', type: 'duration, 0 to 1h' },
  )
})

t.test('the sample file is a configuration, and says what the defaults are', async t => {
  const config = load({ yaml: generateExample() })
  const hosts = 'http://10.77.0.11:2379,http://10.77.0.12:2379,http://10.77.0.13:2379'
  t.same(config, load({ flags: { 'clusters.demo.etcd.hosts': hosts } }))
})

/** Whether every key of a value is one the schema's properties know. */
function known(value: unknown, schema: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return true
  const {
    properties = {},
    additionalProperties: more,
    anyOf,
  } = schema as Record<string, Record<string, unknown> | undefined>
  if (Array.isArray(anyOf)) return anyOf.some(one => known(value, one))
  return Object.entries(value).every(([name, field]) => {
    const next = properties[name] ?? more
    return Boolean(next) && known(field, next)
  })
}

t.test('the schema knows every key of the sample file and no other', async t => {
  const schema = JSON.parse(generateSchema())
  t.ok(known(parseYaml(generateExample()), schema))
  t.notOk(known({ log: { levle: 'info' } }, schema))
  t.match(schema.properties.fleet.properties.enabled, { default: true })
})

t.test('the generated files are those of the table (else: node dist/src/config/generate.js)', async t => {
  const root = new URL('../../../../', import.meta.url)
  const pages = {
    'config/mekare.example.yaml': generateExample(),
    'config/mekare.schema.json': generateSchema(),
    'doc/reference/config.md': generateReference(),
  }
  for (const [path, text] of Object.entries(pages)) t.equal(readFileSync(new URL(path, root), 'utf8'), text, path)
})
