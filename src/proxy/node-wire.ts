// One of Node's sockets as a wire: where the engine makes no connections of its own, and to addresses that are names.

import type { Socket } from 'node:net'
import type { Ear, Stream, Wire } from '../relay/wire.js'

export class NodeWire implements Wire {
  ear: Ear | undefined
  private error: Error | undefined
  private readonly hearing = {
    connect: () => this.ear?.opened(this),
    data: (chunk: Buffer) => this.ear?.heard(this, chunk),
    end: () => this.ear?.ended(this),
    drain: () => this.ear?.drained(this),
    close: () => this.ear?.closed(this, this.error),
  }

  /** The socket allows half-open. */
  constructor(private readonly socket: Socket) {
    socket.pause()
    // Stays for good: between two owners nobody else hears an error.
    socket.on('error', error => {
      this.error = error
    })
    for (const [event, listener] of Object.entries(this.hearing)) socket.on(event, listener)
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.socket.remotePort
  }

  get localAddress(): string | undefined {
    return this.socket.localAddress
  }

  get localPort(): number | undefined {
    return this.socket.localPort
  }

  get bytesRead(): number {
    return this.socket.bytesRead - this.socket.readableLength
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  get connecting(): boolean {
    return this.socket.connecting
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  write(bytes: Uint8Array): boolean {
    return this.socket.write(Buffer.from(bytes))
  }

  end(bytes?: Uint8Array): void {
    if (bytes) this.write(bytes)
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  destroySoon(): void {
    this.socket.destroySoon()
  }

  stream(): Stream {
    for (const [event, listener] of Object.entries(this.hearing)) this.socket.off(event, listener)
    this.socket.pause()
    return this.socket
  }
}
