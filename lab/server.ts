/** An end node, and the programs that serve there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FullServer } from '../src/sim/scenario.js';
import type { EchoConnection, EchoOptions } from './children/echo.js';
import type { Task } from './exec.js';
import type { Host } from './host.js';

export interface ServerHost extends Host {
  readonly name: string;
  readonly addresses: { ipv4: readonly string[]; ipv6: readonly string[] };
  /** A TCP server on all addresses of the machine that records its connections. */
  echo(options?: EchoOptions): Promise<EchoServer>;
  /** One nginx process on all addresses of the machine, plain HTTP; `/` gives `bodyBytes` bytes (default 100). */
  nginx(options?: { ports?: readonly number[]; bodyBytes?: number }): Promise<Task>;
  /** An iperf3 server on all addresses of the machine; default port 5201. */
  iperf3(port?: number): Promise<Task>;
  /** Half-open connections: a SYN came, the last ACK of the handshake did not. */
  halfOpen(): Promise<number>;
}

export interface EchoServer {
  /** Since the start or the last `forget`, oldest first, at most 200 000. */
  connections(): Promise<EchoConnection[]>;
  count(): Promise<{ accepted: number; open: number; bytes: number }>;
  forget(): Promise<void>;
  stop(): Promise<void>;
}

export function serverHost(host: Host, server: FullServer, directory: string): ServerHost {
  return {
    ...host,
    name: server.name,
    addresses: { ipv4: server.ipv4, ipv6: server.ipv6 },
    echo: (options = {}) => startEcho(host, options),
    nginx: (options = {}) => startNginx(host, directory, options.ports ?? [80], options.bodyBytes ?? 100),
    iperf3: (port = 5201) => startIperf3(host, port),
    halfOpen: () => host.sockets('syn-recv'),
  };
}

async function startEcho(host: Host, options: EchoOptions): Promise<EchoServer> {
  const child = host.child('children/echo');
  await child.ask('listen', options);
  return {
    connections: () => child.ask('connections'),
    count: () => child.ask('count'),
    forget: () => child.ask('forget'),
    stop: async () => void (await child.stop()),
  };
}

async function startNginx(
  host: Host,
  directory: string,
  ports: readonly number[],
  bodyBytes: number,
): Promise<Task> {
  const home = join(directory, `nginx-${host.namespace}-${ports[0]}`);
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'index.html'), 'x'.repeat(bodyBytes));
  const listen = ports
    .map((port) => `listen ${port} backlog=4096; listen [::]:${port} backlog=4096;`)
    .join(' ');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${home};`,
  );
  // One process without a master: its workers would outlive a master that is killed.
  const config = `
    daemon off; master_process off; user root; pid ${home}/pid; error_log stderr crit; worker_rlimit_nofile 65536;
    events { worker_connections 20000; multi_accept on; }
    http {
      access_log off; ${temporary.join(' ')}
      open_file_cache max=10; keepalive_requests 1000000; default_type text/plain;
      server { ${listen} root ${home}; location / { index index.html; } }
    }`;
  writeFileSync(join(home, 'nginx.conf'), config);
  const task = host.spawn(['nginx', '-c', join(home, 'nginx.conf'), '-p', home, '-e', 'stderr']);
  await listening(host, ports, task);
  return task;
}

async function startIperf3(host: Host, port: number): Promise<Task> {
  const task = host.spawn(['iperf3', '-s', '-p', String(port)]);
  await listening(host, [port], task);
  return task;
}

/** Waits until a program listens on all ports; throws when it ends before, or after 5 s. */
async function listening(host: Host, ports: readonly number[], task: Task): Promise<void> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const sockets = await host.must(['ss', '-Hltn']);
    if (ports.every((port) => new RegExp(`:${port}\\s`).test(sockets))) return;
    const ended = await Promise.race([task.done, sleep(20)]);
    if (ended !== undefined) throw new Error(`ended with ${ended.code ?? ended.signal}: ${ended.stderr}`);
    if (performance.now() > deadline)
      throw new Error(`nothing listens on ${ports.join(', ')}: ${task.stderr()}`);
  }
}
