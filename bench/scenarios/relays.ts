// Whom most scenarios compare, under how many clients, in which protocol.

export const RELAYS = ['direct', 'haproxy', 'pgbouncer', 'pgbouncer-tx', 'mekare', 'mekare-net']

/** As loads are called in tables, goals and plots. */
export const clientsLoad = (clients: number): string => `${clients} client${clients === 1 ? '' : 's'}`

export const clientsOf = (load: string): number => Number.parseInt(load, 10)

/** Statements are prepared. PgBouncer before 1.21 cannot do that in transaction mode: there they are parsed each time. */
export const protocolFor = (contender: string): string[] => [
  '-M',
  contender === 'pgbouncer-tx' ? 'extended' : 'prepared',
]
