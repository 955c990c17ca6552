// Text of others made safe for a terminal and a log: names and errors come from peers, and could hold escape sequences.

/** The text on one line: white space other than a blank becomes a blank, control and direction characters become `?`. */
export function printable(text: string): string {
  return text.replace(/[\r\n\t\u2028\u2029]+/g, ' ').replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '?')
}
