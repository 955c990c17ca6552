// What is compared: something clients connect to, before a server. Knows how one is named on the command line, and starts none.

export interface Address {
  readonly host: string
  readonly port: number
}

/** What contenders stand before. */
export interface Server extends Address {
  /** Asks something that needs the whole way there and back; throws when it is not answered. */
  ask(at: Address): Promise<unknown>
}

/** One that runs. */
export interface Contender {
  /** Where clients connect; it answers as the server behind it does. */
  readonly address: Server
  /** Undefined: nothing stands between. */
  readonly pid: number | undefined
  stop(): Promise<void>
}

/** `mekare@../other+spin=50us+threads=2`: a kind, for mekare also another checkout and keys of `relay`. */
export interface Spec {
  readonly kind: string
  readonly checkout: string | undefined
  readonly relay: Readonly<Record<string, string>>
}

export function parseSpec(text: string): Spec {
  const [head = '', ...settings] = text.split('+')
  const [kind = '', checkout] = head.split('@')
  const relay = Object.fromEntries(settings.map(setting => setting.split('=') as [string, string]))
  return { kind, checkout, relay }
}
