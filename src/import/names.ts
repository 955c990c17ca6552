// Names as our configuration takes them.

/** A name (letters, digits, dashes, underscores) near to the wanted one and not taken yet; takes it. */
export function freeName(wanted: string, taken: Set<string>): string {
  const plain =
    wanted
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .replace(/^[-_]+|-+$/g, '')
      .slice(0, 48) || 'unnamed'
  let name = plain
  for (let n = 2; taken.has(name); n++) name = `${plain}-${n}`
  taken.add(name)
  return name
}
