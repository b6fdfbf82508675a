/** Connections whose first words matter: a server that answers requests with many bytes, and takes many; its client compares all of them. */
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { serve } from '../rpc.js';
import { isPattern, pattern } from './pattern.js';

export interface OpeningServer {
  port: number;
  /** `answer`: a request for /DOWN/UP gets DOWN bytes, and then UP are read. `reset`, `close`: as soon as something has been said. */
  mode?: 'answer' | 'reset' | 'close';
  /** The server says so much before it has heard anything. */
  greeting?: number;
  /** Before it answers, milliseconds. */
  thinkMs?: number;
  /** Files of a key and its certificate: TLS. */
  tls?: { key: string; cert: string };
}

export interface OpeningPlan {
  address: string;
  port: number;
  /** The address that it is bound to; default none. */
  from?: string;
  down?: number;
  up?: number;
  /** Default GET. */
  method?: string;
  /** Nothing is said: the server's greeting of so many bytes is awaited instead. */
  greeting?: number;
  /** The request leaves so long after the handshake, milliseconds. */
  waitMs?: number;
  /** The request leaves in pieces of so many bytes, 5 ms apart. */
  pieces?: number;
  /** Bytes of a header field that makes the request longer. */
  padding?: number;
  /** It closes its side right behind the request, or as soon as it is connected. */
  closes?: 'after' | 'before';
  /** Protocols that are offered: they make the ClientHello so long. */
  tls?: { protocols: readonly string[] };
  /** How long everything may take, milliseconds; default 60 000. */
  withinMs?: number;
}

export interface OpeningResult {
  ok: boolean;
  /** Node's code, `wrong bytes`, `closed` or `too late`. */
  error?: string;
  connectMs: number;
  /** From the request to the first byte of the answer. */
  answerMs: number;
  totalMs: number;
  down: number;
}

const HEAD_END = '\r\n\r\n';
const heard: { remoteAddress: string; bytes: number; error?: string }[] = [];

async function listen({
  port,
  mode = 'answer',
  greeting = 0,
  thinkMs = 0,
  tls,
}: OpeningServer): Promise<void> {
  const accept = (socket: Socket): void => {
    const record = {
      remoteAddress: (socket.remoteAddress ?? '').replace('::ffff:', ''),
      bytes: 0,
    } as (typeof heard)[number];
    heard.push(record);
    let head = '';
    let up = -1;
    let taken = 0;
    let answers = false;
    let hasEnded = false;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      record.error = error.code ?? error.message;
    });
    if (greeting > 0) socket.write(pattern(0, 0, greeting));
    socket.on('data', (bytes) => {
      record.bytes += bytes.length;
      if (mode === 'reset') return void socket.resetAndDestroy();
      if (mode === 'close') return void socket.end();
      if (up < 0) {
        head += bytes.toString('latin1');
        const end = head.indexOf(HEAD_END);
        if (end < 0) return;
        const [, down, wanted] = /\/(\d+)\/(\d+) /.exec(head) ?? ['', '0', '0'];
        up = Number(wanted);
        answers = true;
        setTimeout(() => {
          send(socket, Number(down));
          answers = false;
          if (hasEnded) socket.end();
        }, thinkMs);
        bytes = Buffer.from(head.slice(end + HEAD_END.length), 'latin1');
      }
      if (!isPattern(1, taken, bytes)) return void socket.resetAndDestroy();
      taken += bytes.length;
      if (up > 0 && taken === up) socket.end('done');
    });
    // What has been asked is answered all the same.
    socket.on('end', () => {
      hasEnded = true;
      if (!answers) socket.end();
    });
  };
  await new Promise<void>((resolve, reject) => {
    const server =
      tls === undefined
        ? createServer({ allowHalfOpen: true, noDelay: true }, accept)
        : createTlsServer(
            {
              key: readFileSync(tls.key),
              cert: readFileSync(tls.cert),
              ALPNCallback: ({ protocols }) => protocols[0],
            },
            accept,
          );
    server.on('error', reject);
    server.listen({ port, host: '::', backlog: 1024 }, resolve);
  });
}

function send(socket: Socket, bytes: number): void {
  for (let sent = 0; sent < bytes; sent += 65_536)
    socket.write(pattern(0, sent, Math.min(65_536, bytes - sent)));
}

function say(plan: OpeningPlan): Promise<OpeningResult> {
  const { address, port, down = 0, up = 0, greeting = 0, padding = 0, withinMs = 60_000 } = plan;
  return new Promise((resolve) => {
    const begin = performance.now();
    const result: OpeningResult = { ok: false, connectMs: -1, answerMs: -1, totalMs: -1, down: 0 };
    const socket =
      plan.tls === undefined
        ? connect({
            host: address,
            port,
            noDelay: true,
            allowHalfOpen: true,
            ...(plan.from && { localAddress: plan.from }),
          })
        : connectTls({
            host: address,
            port,
            rejectUnauthorized: false,
            ALPNProtocols: [...plan.tls.protocols],
          });
    let asked = begin;
    let tail = '';
    const end = (error?: string): void => {
      if (result.totalMs >= 0) return;
      result.totalMs = performance.now() - begin;
      if (error === undefined) result.ok = true;
      else result.error = error;
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end('too late'), withinMs);
    const wanted = down + greeting;
    const said = async (): Promise<void> => {
      result.connectMs = performance.now() - begin;
      if (plan.closes === 'before') return void socket.end();
      if (plan.waitMs !== undefined) await new Promise((done) => setTimeout(done, plan.waitMs));
      asked = performance.now();
      if (greeting > 0) return;
      const field = padding === 0 ? '' : `X-Padding: ${'x'.repeat(padding)}\r\n`;
      const request = `${plan.method ?? 'GET'} /${down}/${up} HTTP/1.1\r\nHost: ${address}\r\n${field}\r\n`;
      const size = plan.pieces ?? request.length;
      for (let at = 0; at < request.length; at += size) {
        if (at > 0) await new Promise((done) => setTimeout(done, 5));
        socket.write(request.slice(at, at + size));
      }
      if (plan.closes === 'after') socket.end();
    };
    socket.on(plan.tls === undefined ? 'connect' : 'secureConnect', () => void said());
    socket.on('data', (bytes: Buffer) => {
      if (result.answerMs < 0) result.answerMs = performance.now() - asked;
      const own = bytes.subarray(0, Math.max(0, wanted - result.down));
      if (!isPattern(0, result.down, own)) return end('wrong bytes');
      result.down += own.length;
      tail += bytes.subarray(own.length).toString('latin1');
      if (result.down < wanted) return;
      if (up === 0) return end();
      if (tail === 'done') return end();
      if (own.length > 0)
        for (let sent = 0; sent < up; sent += 65_536)
          socket.write(pattern(1, sent, Math.min(65_536, up - sent)));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.on('end', () => end('closed'));
  });
}

serve({
  listen,
  say,
  heard: () => heard,
  forget: () => {
    heard.length = 0;
  },
});
