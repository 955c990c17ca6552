// The numbers of PostgreSQL's startup phase, as the manual names them ("Message Formats",
// https://www.postgresql.org/docs/current/protocol-message-formats.html). Knows values only, reads and writes nothing.

/** Longest startup packet we read, its length word included. PostgreSQL: MAX_STARTUP_PACKET_LENGTH. */
export const MAX_STARTUP_BYTES = 10_000

/** SSLRequest, CancelRequest and GSSENCRequest are told apart by these codes: 1234 in the high half, the low half as here. */
export const REQUEST_MAJOR = 1234
export const CANCEL_MINOR = 5678
export const SSL_MINOR = 5679
export const GSSENC_MINOR = 5680

/** The only protocol that PostgreSQL 14 and later speak; any minor passes, since the backend negotiates it. */
export const PROTOCOL_MAJOR = 3

/** Length of SSLRequest and GSSENCRequest: the length word and the code. */
export const REQUEST_BYTES = 8

/** CancelRequest without its key: length, code, process ID. */
export const CANCEL_HEAD_BYTES = 12

/** A cancel key has 4 bytes in protocol 3.0 and may have up to 256 in 3.2. */
export const MIN_SECRET_BYTES = 4
export const MAX_SECRET_BYTES = 256

/** First byte of a TLS record that holds a handshake (RFC 8446 section 5.1): direct TLS, PostgreSQL 17. */
export const TLS_HANDSHAKE = 0x16

/** A backend message opens with its type byte and a length that counts itself and not the type. */
export const MESSAGE_HEAD_BYTES = 5

/** PostgreSQL allocates no more than this for a message (MaxAllocSize). */
export const MAX_MESSAGE_BYTES = 0x3fff_ffff
