/** Connections that show what a firewall, a translation or a neighbour does to them. */

import type { Scenario } from '../../src/sim/scenario.js';
import type { ConnectResult } from '../children/connector.js';
import type { DatagramAnswer } from '../children/datagrams.js';
import type { Host } from '../host.js';
import type { Lab } from '../lab.js';
import type { Child } from '../rpc.js';
import { type Answers, type Outcome, type Probe, ROUNDS } from './case.js';

/** The lab's first server, whose ports below answer. */
export const NEAR = '198.51.100.1';
export const NEAR6 = '2001:db8:100::1';
/** Another address of it. */
export const FAR = '198.51.100.2';
export const WEB = 443;
export const OTHER = 80;
export const ELSEWHERE = 8081;
export const NAMES = 53;
export const TIME = 123;
/** On the first client. */
export const INSIDE = 8000;

const COUNT = 6;
/** For who is not answered: shorter than a SYN's first repeat. */
const TIMEOUT_MS = 700;
/** For who is: a machine may have other things to do. */
const PATIENCE_MS = 5000;

/** Where the cases are tried: two clients, three providers, a server with two addresses. */
export const GROUND = {
  lan: { clients: 2 },
  providers: [
    { name: 'a', link: { delayMs: 5 } },
    { name: 'b', link: { delayMs: 10 } },
    { name: 'c', link: { delayMs: 15 } },
  ],
  servers: [{ name: 'near' }, { name: 'far' }],
} satisfies Scenario;

/** The programs that answer; once per lab. */
export async function openGround(lab: Lab): Promise<void> {
  await lab.server().echo({ ports: [WEB, OTHER, ELSEWHERE] });
  await lab
    .server()
    .child('children/datagrams')
    .ask('listen', { addresses: [NEAR, NEAR6], ports: [NAMES, TIME] });
  await lab
    .client()
    .child('children/echo')
    .ask('listen', { ports: [INSIDE] });
}

/** Where connections begin; default the first client. */
export type From = (lab: Lab, hosts: Readonly<Record<string, Host>>) => Host;

export interface Towards {
  readonly address: string;
  readonly port: number;
  readonly from?: From;
  /** Default the machine's own choice. */
  readonly source?: string;
  /** How all of them end; default `ok`. */
  readonly word?: string;
  /** Where their first packets go; default there where they are `ok`. */
  readonly reached?: readonly string[];
}

export function tcp(name: string, towards: Towards): Probe {
  const { address, port, from = first, source } = towards;
  return {
    name,
    expected: expected(towards),
    run: async (lab, hosts) => {
      const results = await kept(from(lab, hosts), 'children/connector').ask<ConnectResult[]>('run', {
        targets: [{ address, port }],
        ...(source === undefined ? {} : { sources: [source] }),
        count: COUNT,
        concurrency: COUNT,
        bytes: 100,
        timeoutMs: patience(towards),
      });
      return tally(results.map(({ ok, error }) => (ok ? 'ok' : (error ?? '?'))));
    },
  };
}

export function udp(name: string, towards: Towards): Probe {
  const { address, port, from = first } = towards;
  return {
    name,
    expected: expected(towards),
    run: async (lab, hosts) => {
      const child = kept(from(lab, hosts), 'children/datagrams');
      const ask = async (): Promise<string> => {
        const { flow } = await child.ask<{ flow: number }>('open', { address, port });
        const { from: seen } = await child.ask<DatagramAnswer>('ask', { flow, timeoutMs: patience(towards) });
        return seen === null ? 'TIMEOUT' : 'ok';
      };
      return tally(await Promise.all(Array.from({ length: COUNT }, ask)));
    },
  };
}

/** What a firewall between LAN and providers lets pass, the web and names, and what it does not; and one port forward. */
export function throughFirewall(refused: string): readonly Probe[] {
  return [
    tcp('tcp to a port that is allowed', { address: NEAR, port: WEB }),
    tcp('the same over IPv6', { address: NEAR6, port: WEB }),
    tcp('tcp to a port that is not', { address: NEAR, port: OTHER, word: refused }),
    tcp('the same, over IPv6', { address: NEAR6, port: OTHER, word: 'TIMEOUT' }),
    udp('udp to a port that is allowed', { address: NEAR, port: NAMES }),
    udp('udp to a port that is not', { address: NEAR, port: TIME, word: 'TIMEOUT' }),
    tcp('a port forward', { address: '203.0.1.2', port: 8443, from: outside, reached: [] }),
  ];
}

/** Connections one after the other that stay open, `count` in a round. */
export function held(name: string, count: number, outcome: Outcome): Probe {
  return {
    name,
    expected: outcome,
    run: async (lab) => {
      const connector = kept(lab.client(), 'children/connector');
      const words: string[] = [];
      for (let i = 0; i < count; i++) {
        const plan = {
          targets: [{ address: NEAR, port: WEB }],
          hold: true,
          bytes: 10,
          timeoutMs: TIMEOUT_MS,
        };
        words.push(
          ...(await connector.ask<ConnectResult[]>('run', plan)).map(({ ok, error }) =>
            ok ? 'ok' : (error ?? '?'),
          ),
        );
      }
      await connector.ask('release', 'reset');
      return tally(words);
    },
  };
}

/** One process of a kind per machine: to start one takes longer than most plans. It ends with its machine. */
function kept(host: Host, script: string): Child {
  const children = started.get(host) ?? new Map<string, Child>();
  started.set(host, children);
  const child = children.get(script) ?? host.child(script);
  children.set(script, child);
  return child;
}
// BOUNDED: by the machines and the two scripts.
const started = new WeakMap<Host, Map<string, Child>>();

/** From the Internet. */
export const outside: From = (lab) => lab.server();

const first: From = (lab) => lab.client();

function patience({ word = 'ok' }: Towards): number {
  return word === 'ok' ? PATIENCE_MS : TIMEOUT_MS;
}

function expected({ address, port, word = 'ok', reached }: Towards): Outcome {
  const there = word === 'ok' ? [`${address} ${port}`] : [];
  return { answers: { [word]: ROUNDS * COUNT }, reached: reached ?? there, foreign: 0 };
}

export function tally(words: readonly string[]): Answers {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
