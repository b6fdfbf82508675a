/** A client, and the programs that it runs. */
import type { CheckResult, ConnectPlan, ConnectResult } from './children/connector.js';
import type { RunOptions, RunResult } from './exec.js';
import type { Host } from './host.js';

export interface Client extends Host {
  readonly ipv4: string;
  readonly ipv6: string;
  /** A process that opens connections and measures them; one serves a whole test. */
  connector(): Connector;
  /** Shorthand: a connector of its own, one plan, ended again. */
  connect(plan: ConnectPlan): Promise<ConnectResult[]>;
  /** `curl` from this client's address; bounded by `--max-time` 10 unless the arguments say otherwise. */
  curl(url: string, args?: readonly string[]): Promise<CurlResult>;
  wrk(url: string, options?: WrkOptions): Promise<WrkResult>;
  iperf3(server: string, options?: Iperf3Options): Promise<Iperf3Result>;
  /** `nc` (OpenBSD) with `input` sent; ends when the server closes or nothing comes for a second. */
  nc(address: string, port: number, input?: string, options?: RunOptions): Promise<RunResult>;
}

export interface Connector {
  /** Opens connections; results in the order of the plan. */
  run(plan: ConnectPlan): Promise<ConnectResult[]>;
  /** Whether the connections that `hold` kept open still carry `bytes` (default 100) there and back, each within 5 s. */
  check(bytes?: number): Promise<CheckResult>;
  /** Closes what was held. */
  release(close?: 'fin' | 'reset'): Promise<void>;
  stop(): Promise<void>;
}

export interface CurlResult {
  ok: boolean;
  /** HTTP status, 0 without an answer. */
  status: number;
  /** curl's exit code: 7 refused, 28 time-out. */
  exitCode: number;
  connectMs: number;
  totalMs: number;
  localPort: number;
  bytes: number;
}

export interface WrkOptions {
  connections?: number;
  threads?: number;
  seconds?: number;
  /** One connection per request. */
  close?: boolean;
}

export interface WrkResult {
  requests: number;
  requestsPerSecond: number;
  /** Connect, read, write and time-out errors together. */
  socketErrors: number;
  output: string;
}

export interface Iperf3Options {
  port?: number;
  seconds?: number;
  /** From server to client. */
  reverse?: boolean;
  parallel?: number;
}

export interface Iperf3Result {
  bitsPerSecond: number;
  retransmits: number;
}

export function client(host: Host, address: { ipv4: string; ipv6: string }): Client {
  const connector = (): Connector => connectorOn(host);
  return {
    ...host,
    ...address,
    connector,
    connect: async (plan) => {
      const process = connector();
      try {
        return await process.run(plan);
      } finally {
        await process.stop();
      }
    },
    curl: (url, args = []) => curl(host, url.includes('[') ? address.ipv6 : address.ipv4, url, args),
    wrk: (url, options = {}) => wrk(host, url, options),
    iperf3: (server, options = {}) => iperf3(host, server, options),
    nc: (to, port, input = '', options = {}) =>
      host.run(['nc', '-N', '-w', '1', to, String(port)], { timeoutMs: 10_000, ...options, input }),
  };
}

/** On any machine of the lab. */
export function connectorOn(host: Host): Connector {
  const child = host.child('children/connector');
  return {
    run: (plan) => child.ask('run', plan),
    check: (bytes = 100) => child.ask('check', bytes),
    release: (close = 'fin') => child.ask('release', close),
    stop: async () => void (await child.stop()),
  };
}

async function curl(host: Host, source: string, url: string, args: readonly string[]): Promise<CurlResult> {
  const format = '%{http_code} %{time_connect} %{time_total} %{local_port} %{size_download}';
  const command = ['curl', '-sS', '-o', '/dev/null', '--interface', source, '--max-time', '10', '-w', format];
  const { code, stdout } = await host.run([...command, ...args, url], { timeoutMs: 60_000 });
  const [status = 0, connect = 0, total = 0, localPort = 0, bytes = 0] = stdout.split(' ').map(Number);
  return {
    ok: code === 0 && status >= 200 && status < 300,
    status,
    exitCode: code ?? -1,
    connectMs: connect * 1000,
    totalMs: total * 1000,
    localPort,
    bytes,
  };
}

async function wrk(host: Host, url: string, options: WrkOptions): Promise<WrkResult> {
  const { connections = 32, threads = 1, seconds = 2, close = false } = options;
  const header = close ? ['-H', 'Connection: close'] : [];
  const command = ['wrk', `-c${connections}`, `-t${threads}`, `-d${seconds}s`, ...header, url];
  const output = await host.must(command, { timeoutMs: seconds * 1000 + 15_000 });
  const errors =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  return {
    requests: Number(/(\d+) requests in/.exec(output)?.[1] ?? 0),
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1] ?? 0),
    socketErrors: errors.reduce((sum, count) => sum + Number(count), 0),
    output,
  };
}

async function iperf3(host: Host, server: string, options: Iperf3Options): Promise<Iperf3Result> {
  const { port = 5201, seconds = 2, reverse = false, parallel = 1 } = options;
  const command = ['iperf3', '-J', '-c', server, '-p', `${port}`, '-t', `${seconds}`, '-P', `${parallel}`];
  const output = await host.must([...command, ...(reverse ? ['-R'] : [])], {
    timeoutMs: seconds * 1000 + 15_000,
  });
  const { end } = JSON.parse(output) as {
    end: { sum_received: { bits_per_second: number }; sum_sent: { retransmits?: number } };
  };
  return { bitsPerSecond: end.sum_received.bits_per_second, retransmits: end.sum_sent.retransmits ?? 0 };
}
