// One event of an event stream as text (the WHATWG HTML standard, section 9.2.6). JSON has no newline, so it is one data line.

/** A frame; without a name it is a plain message. */
export function frame(name: string | undefined, data: unknown, id?: string): string {
  const lines = [
    name === undefined ? [] : `event: ${name}`,
    id === undefined ? [] : `id: ${id}`,
    `data: ${JSON.stringify(data)}`,
  ]
  return `${lines.flat().join('\n')}\n\n`
}
