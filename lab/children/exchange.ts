/** What a client says over one connection, compared byte by byte. */
import type { Socket } from 'node:net';
import { isPattern, pattern } from './pattern.js';

const CHUNK_BYTES = 65_536;

/** A connection's place in the stream of its own bytes, and the one step that is under way. */
export class Exchange {
  readonly #socket: Socket;
  readonly #index: number;
  #sent = 0;
  #echoed = 0;
  #greeted = 0;
  #greetingWanted = 0;
  #echoWanted = 0;
  #step: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #ended: Error | undefined;

  constructor(socket: Socket, index: number) {
    this.#socket = socket;
    this.#index = index;
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (error) => this.#end(error));
    socket.on('end', () => this.#end(coded('CLOSED')));
    socket.on('close', () => this.#end(coded('CLOSED')));
  }

  get received(): number {
    return this.#greeted + this.#echoed;
  }

  /** The server speaks first. */
  greeting(bytes: number): Promise<void> {
    this.#greetingWanted = bytes;
    return this.#wait();
  }

  /** Sends the next bytes of the stream and waits until they are back. */
  echo(bytes: number): Promise<void> {
    this.#echoWanted += bytes;
    const done = this.#wait();
    this.#send();
    return done;
  }

  /** Sends FIN and waits for the server's. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.on('close', () => resolve());
      this.#socket.end();
    });
  }

  #send(): void {
    while (this.#sent < this.#echoWanted) {
      const length = Math.min(CHUNK_BYTES, this.#echoWanted - this.#sent);
      const more = this.#socket.write(pattern(this.#index, this.#sent, length));
      this.#sent += length;
      if (!more) {
        this.#socket.once('drain', () => this.#send());
        return;
      }
    }
  }

  #take(bytes: Buffer): void {
    const greeting = bytes.subarray(0, Math.max(0, this.#greetingWanted - this.#greeted));
    const echoed = bytes.subarray(greeting.length);
    const right = isPattern(0, this.#greeted, greeting) && isPattern(this.#index, this.#echoed, echoed);
    this.#greeted += greeting.length;
    this.#echoed += echoed.length;
    if (!right || this.#echoed > this.#sent) this.#end(coded('MISMATCH'));
    else this.#settle();
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#step = { resolve, reject };
      this.#settle();
    });
  }

  #settle(): void {
    const complete = this.#greeted >= this.#greetingWanted && this.#echoed >= this.#echoWanted;
    const step = this.#step;
    if (step === undefined || (!complete && this.#ended === undefined)) return;
    this.#step = undefined;
    if (complete) step.resolve();
    else step.reject(this.#ended as Error);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#settle();
  }
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}
