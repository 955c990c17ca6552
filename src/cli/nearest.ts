// The word somebody meant: the nearest of a list by edit distance.

/** The nearest word, if it is near enough to be meant: at most two edits, or a third of the word's length. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const ranked = words.map(w => ({ w, d: distance(word, w) })).toSorted((a, b) => a.d - b.d)
  const [best] = ranked
  return best !== undefined && best.d <= Math.max(2, Math.floor(word.length / 3)) ? best.w : undefined
}

/** Levenshtein's distance: insertions, deletions and replacements. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
