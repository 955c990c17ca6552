// The table as JSON Schema, for editors that check the YAML file while it is written.

import { type Leaf, NAME, type Node, type Section, tree } from './keys.js'

type Json = Readonly<Record<string, unknown>>

function typed(text: string, json: Json): unknown {
  if (json.type === 'boolean') return text === 'true'
  const number = json.type === 'integer'
  return number ? Number(text) : text
}

function leafSchema({ json, doc, list, default: fallback }: Leaf): Json {
  const value =
    fallback === undefined ? {} : { default: typeof fallback === 'string' ? typed(fallback, json) : fallback }
  const alone = list ? { anyOf: [json, json.items] } : json
  return {
    description: doc,
    anyOf: [...(Array.isArray(alone.anyOf) ? alone.anyOf : [alone]), { type: 'null' }],
    ...value,
  }
}

function sectionSchema({ doc, fields }: Section): Json {
  const properties = Object.fromEntries([...fields].map(([name, node]) => [name, schemaOf(node)]))
  return { ...(doc !== '' && { description: doc }), type: ['object', 'null'], additionalProperties: false, properties }
}

function schemaOf(node: Node): Json {
  if (node.kind === 'leaf') return leafSchema(node)
  if (node.kind === 'section') return sectionSchema(node)
  const each = sectionSchema(node.each)
  const off = node === tree.fields.get('listen') ? { anyOf: [each, { const: 'off' }] } : each
  return {
    description: node.doc,
    type: ['object', 'null'],
    propertyNames: { pattern: NAME.source },
    additionalProperties: off,
  }
}

/** The JSON Schema of the configuration file, as text. Rules between keys are not in it. */
export function generateSchema(): string {
  const head = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'mekare' }
  return `${JSON.stringify({ ...head, ...sectionSchema(tree) }, null, 2)}\n`
}
