// What is compared: something clients connect to, before a server. Knows how one is named on the command line, and starts none.

export interface Address {
  readonly host: string
  readonly port: number
}

/** One that runs. */
export interface Contender {
  readonly address: Address
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
