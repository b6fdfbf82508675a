/**
 * Who may stay connected to the control socket. Places are few, so whoever keeps one without using it gives way to whoever comes: first
 * those that have not asked anything, then those that do not take their answers. Who waits for an answer is never sent away; when all do,
 * some places are left for questions that are answered at once.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** Places: a few operators and a collector of metrics. Beyond them only what is quick is served. */
export const MAX_CONNECTIONS = 32;
export const MAX_QUICK_CONNECTIONS = 8;
/** From the connection, or from the last answer, to the last byte of the next question. */
const QUESTION_MS = 2000;
/** An answer of which nothing is taken for so long has no reader. */
const UNREAD_MS = 5000;
const LOOK_MS = 500;

type Phase = 'asking' | 'waiting' | 'reading' | 'streaming';

interface Place {
  readonly isQuick: boolean;
  phase: Phase;
  sinceMs: number;
  /** Bytes that the kernel had taken when it last took some. */
  taken: number;
  takenMs: number;
}

export class Connections {
  // BOUNDED: MAX_CONNECTIONS and MAX_QUICK_CONNECTIONS.
  private readonly places = new Map<Socket, Place>();
  private readonly timer: NodeJS.Timeout;
  private lookedMs = performance.now();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => this.take(socket));
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) =>
      this.follow(request.socket, response),
    );
    this.timer = setInterval(() => this.look(performance.now()), LOOK_MS);
    this.timer.unref();
    server.on('close', () => clearInterval(this.timer));
  }

  /** Whether a connection may only ask what is answered at once. */
  isQuickOnly(socket: Socket): boolean {
    return this.places.get(socket)?.isQuick ?? false;
  }

  /** Its answer has no end: whoever writes it sees to it that it is read. */
  streams(socket: Socket): void {
    const place = this.places.get(socket);
    if (place !== undefined) enter(place, 'streaming');
  }

  private take(socket: Socket): void {
    if (this.places.size >= MAX_CONNECTIONS) this.evict();
    if (this.places.size >= MAX_CONNECTIONS + MAX_QUICK_CONNECTIONS) {
      socket.destroy();
      return;
    }
    const isQuick = this.places.size >= MAX_CONNECTIONS;
    const now = performance.now();
    this.places.set(socket, { isQuick, phase: 'asking', sinceMs: now, taken: 0, takenMs: now });
    socket.once('close', () => this.places.delete(socket));
  }

  private follow(socket: Socket, response: ServerResponse): void {
    const place = this.places.get(socket);
    if (place === undefined) return;
    enter(place, 'waiting');
    const { writeHead } = response;
    response.writeHead = (...args: unknown[]) => {
      if (place.phase !== 'streaming') enter(place, 'reading');
      return writeHead.apply(response, args as Parameters<typeof writeHead>);
    };
    response.once('close', () => enter(place, 'asking'));
  }

  /** The one that has kept its place longest for nothing. */
  private evict(): void {
    for (const phase of ['asking', 'reading'] as const) {
      let oldest: Socket | null = null;
      for (const [socket, place] of this.places) {
        const since = this.places.get(oldest as Socket)?.sinceMs ?? Number.POSITIVE_INFINITY;
        if (place.phase === phase && place.sinceMs < since) oldest = socket;
      }
      if (oldest === null) continue;
      this.places.delete(oldest);
      oldest.destroy();
      return;
    }
  }

  private look(now: number): void {
    // While this thread was busy nobody was heard, so that time is nobody's fault.
    const deafMs = Math.max(0, now - this.lookedMs - 2 * LOOK_MS);
    this.lookedMs = now;
    for (const [socket, place] of this.places) {
      place.sinceMs += deafMs;
      place.takenMs += deafMs;
      const taken = socket.bytesWritten - socket.writableLength;
      if (taken !== place.taken) place.takenMs = now;
      place.taken = taken;
      const isSlow = place.phase === 'asking' && now - place.sinceMs > QUESTION_MS;
      const isUnread = place.phase === 'reading' && now - Math.max(place.takenMs, place.sinceMs) > UNREAD_MS;
      if (isSlow || isUnread) socket.destroy();
    }
  }
}

function enter(place: Place, phase: Phase): void {
  place.phase = phase;
  place.sinceMs = performance.now();
}
