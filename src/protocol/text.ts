// C strings as the protocol carries them. Knows NUL and UTF-8; takes any bytes without failing.

// Without ignoreBOM a decoder would swallow a leading U+FEFF.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** Reads the string that starts at `at` and ends before the next NUL. Undefined where no NUL follows. Bytes that are not UTF-8 show as U+FFFD. */
export function readString(
  bytes: Uint8Array,
  at: number,
): { readonly text: string; readonly next: number } | undefined {
  const end = bytes.indexOf(0, at)
  return end < 0 ? undefined : { text: decoder.decode(bytes.subarray(at, end)), next: end + 1 }
}

/** Reads everything as text. */
export const readText = (bytes: Uint8Array): string => decoder.decode(bytes)

/** Writes a string and its NUL. A NUL inside would end it early and turn the rest into another field, so it is left out. */
export const writeString = (text: string): Uint8Array => encoder.encode(`${text.replaceAll('\0', '')}\0`)

/** Eight bytes or fewer as a person can recognise them in a log: `0x47 0x45 0x54`. */
export const showBytes = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, 8), byte => `0x${byte.toString(16).padStart(2, '0')}`).join(' ')

/** The big-endian 32-bit number at `at`, unsigned; bytes that are not there count as 0. */
export const wordAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0

/** A view for big-endian numbers over exactly these bytes. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
