/** Opens and measures connections, a process in a client's namespace. */
import { connect, type Socket } from 'node:net';
import { serve } from '../rpc.js';
import { Exchange } from './exchange.js';

export interface ConnectPlan {
  /** Taken in turn. */
  targets: readonly { address: string; port: number }[];
  /** Connections in all; default one per target. */
  count?: number;
  /** Under way at one time; default 16. */
  concurrency?: number;
  /** Opened at this even pace (connections per second); default as fast as `concurrency` allows. */
  rate?: number;
  /** Own addresses, taken in turn; default the kernel's choice. */
  sources?: readonly string[];
  /** Own ports, taken in turn: the same tuple again and again. Default the kernel's choice. */
  sourcePorts?: readonly number[];
  /** Bytes sent to an echo server and expected back, byte-exact; default 0. */
  bytes?: number;
  /** Bytes that the server is expected to send first (`EchoOptions.greeting`), byte-exact; default 0. */
  greeting?: number;
  /** Stay open for `check`; default false. */
  hold?: boolean;
  /** How a connection that is not held ends; default `fin`, which waits until the server has closed, too. */
  close?: 'fin' | 'reset';
  /** For each connection as a whole; default 10 000 ms. */
  timeoutMs?: number;
}

export interface ConnectResult {
  ok: boolean;
  /** `ECONNREFUSED`, `EHOSTUNREACH`, ..., `TIMEOUT`, or `MISMATCH` when other bytes came back than were sent. */
  error?: string;
  /** True from when the handshake was complete, whatever came after. */
  connected: boolean;
  target: { address: string; port: number };
  source: { address: string; port: number };
  /** Monotonic microseconds, as in the trace of the wire. */
  startedAt: number;
  /** From `connect` to the end of the handshake, or to the error. */
  connectMicros: number;
  /** From the end of the handshake until all bytes were back. */
  exchangeMicros: number;
  /** Bytes that came back. */
  bytes: number;
}

export interface CheckResult {
  held: number;
  ok: number;
  /** What the others answered, counted. */
  errors: Record<string, number>;
}

interface Held {
  socket: Socket;
  exchange: Exchange;
}

// BOUNDED: what plans with `hold` open, until `release`.
let held: Held[] = [];

async function run(plan: ConnectPlan): Promise<ConnectResult[]> {
  const count = plan.count ?? plan.targets.length;
  const results = new Array<ConnectResult>(count);
  const interval = plan.rate === undefined ? 0 : 1000 / plan.rate;
  const startedAt = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      const wait = startedAt + index * interval - performance.now();
      if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait));
      results[index] = await one(plan, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(plan.concurrency ?? 16, count) }, worker));
  return results;
}

function one(plan: ConnectPlan, index: number): Promise<ConnectResult> {
  const target = inTurn(plan.targets, index) as { address: string; port: number };
  const localAddress = inTurn(plan.sources ?? [], index);
  const localPort = inTurn(plan.sourcePorts ?? [], index);
  const result: ConnectResult = {
    ok: false,
    connected: false,
    target,
    source: { address: localAddress ?? '', port: localPort ?? 0 },
    startedAt: micros(),
    connectMicros: 0,
    exchangeMicros: 0,
    bytes: 0,
  };
  return new Promise((resolve) => {
    const socket = connect({
      host: target.address,
      port: target.port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
    });
    const exchange = new Exchange(socket, index);
    const timer = setTimeout(() => finish(coded('TIMEOUT')), plan.timeoutMs ?? 10_000);
    const finish = (error?: NodeJS.ErrnoException): void => {
      clearTimeout(timer);
      if (!result.connected) result.connectMicros = micros() - result.startedAt;
      result.bytes = exchange.received;
      if (error !== undefined) {
        result.error ??= error.code ?? error.message;
        result.ok = false;
        abandon(socket);
      }
      resolve(result);
    };
    socket.on('error', finish);
    socket.on('connect', () => {
      result.connectMicros = micros() - result.startedAt;
      result.connected = true;
      result.source = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
      void use(plan, socket, exchange, result).then(() => finish(), finish);
    });
  });
}

/** Leaves nothing that the kernel would go on retransmitting. */
function abandon(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** Everything after the handshake. */
async function use(
  plan: ConnectPlan,
  socket: Socket,
  exchange: Exchange,
  result: ConnectResult,
): Promise<void> {
  const connectedAt = micros();
  if (plan.greeting) await exchange.greeting(plan.greeting);
  if (plan.bytes) await exchange.echo(plan.bytes);
  result.exchangeMicros = micros() - connectedAt;
  result.ok = true;
  if (plan.hold) held.push({ socket, exchange });
  else if (plan.close === 'reset') socket.resetAndDestroy();
  else await exchange.close();
}

async function check(bytes: number): Promise<CheckResult> {
  const answers = await Promise.all(held.map(({ exchange }) => within(5000, exchange.echo(bytes))));
  const errors: Record<string, number> = {};
  for (const answer of answers) if (answer !== undefined) errors[answer] = (errors[answer] ?? 0) + 1;
  return { held: held.length, ok: answers.filter((answer) => answer === undefined).length, errors };
}

async function release(close: 'fin' | 'reset'): Promise<void> {
  const released = held;
  held = [];
  if (close === 'reset') for (const { socket } of released) socket.resetAndDestroy();
  else await Promise.all(released.map(({ exchange }) => within(5000, exchange.close())));
}

/** The error's code, or undefined when all is well. */
async function within(milliseconds: number, action: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('TIMEOUT'), milliseconds);
  });
  const outcome = action.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
  const first = await Promise.race([outcome, late]);
  clearTimeout(timer);
  return first;
}

function coded(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

function inTurn<Value>(values: readonly Value[], index: number): Value | undefined {
  return values[index % values.length];
}

function micros(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

serve({ run, check, release });
