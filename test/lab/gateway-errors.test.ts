/** One route's error never ends a connection that another can make; when all fail the client hears of it exactly once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EchoServer } from '../../lab/index.js';
import { Tap } from '../../lab/tap.js';
import { GatewayLab, halfOpen } from './support/gateway-lab.js';
import { combinations, expectedResult, type RouteAnswer, sample } from './support/negative.js';

const PORT = 7;
const RTT_MS = [40, 80, 120];
const LIMIT_MS = 3600;
const ROUTES = ['a', 'b', 'c'];
const MATRIX = combinations(3);
/** Always looked at, whatever the choice: the corners of the rules. */
const CORNERS: RouteAnswer[][] = [
  ['rst', 'rst', 'rst'],
  ['rst', 'rst', 'silent'],
  ['rst', 'rst', 'syn-ack'],
  ['prohibited', 'host-unreachable', 'ttl-exceeded'],
  ['host-unreachable', 'silent', 'silent'],
  ['silent', 'silent', 'silent'],
  ['silent', 'silent', 'syn-ack'],
];

interface Case {
  readonly answers: readonly RouteAnswer[];
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
}

const CASES: Case[] = [
  ...CORNERS.map((answers): Omit<Case, 'address'> => ({ answers, family: 'ipv4' })),
  ...sample(MATRIX, 23, 20).map((answers): Omit<Case, 'address'> => ({ answers, family: 'ipv4' })),
  ...CORNERS.slice(0, 5).map((answers): Omit<Case, 'address'> => ({ answers, family: 'ipv6' })),
  ...sample(MATRIX, 7, 21).map((answers): Omit<Case, 'address'> => ({ answers, family: 'ipv6' })),
].map((each, index) => ({
  ...each,
  address: each.family === 'ipv4' ? `198.51.100.${index + 1}` : `2001:db8:100::${(index + 1).toString(16)}`,
}));

let made: GatewayLab;
let echo: EchoServer;
/** What the client's side of the gateway carries is the oracle of "exactly one error". */
let tap: Tap;

beforeAll(async () => {
  made = await GatewayLab.start({
    providers: ROUTES.map((name, index) => ({
      name,
      link: {
        delayMs: (RTT_MS[index] as number) / 2,
        reject: Object.fromEntries(
          CASES.map(({ address, answers }) => {
            const answer = answers[index] as RouteAnswer;
            return [address, answer === 'syn-ack' ? 'normal' : answer];
          }),
        ),
      },
    })),
    servers: CASES.map(({ address, family }, index) => ({ name: `s${index}`, [family]: [address] })),
  });
  echo = await made.lab.server().echo({ ports: [PORT] });
  tap = new Tap(made.lab.client(), 'eth0', {
    to: '02:00:00:00:00:00',
    keep: ({ kind }) => kind === 'rst' || kind === 'icmp-error',
  });
});

afterAll(async () => {
  tap?.close();
  await made?.stop();
});

describe('343 combinations, a sample of them at one time', () => {
  test('each by the rules', async () => {
    const { lab } = made;
    const connector = lab.client().connector();
    const results = await connector.run({
      targets: CASES.map(({ address }) => ({ address, port: PORT })),
      concurrency: CASES.length,
      rate: 100,
      bytes: 1000,
      timeoutMs: LIMIT_MS,
    });
    const wrong = CASES.flatMap(({ answers, family, address }, index) => {
      const result = results[index];
      const expected = expectedResult(answers, RTT_MS, family, LIMIT_MS);
      const ms = (result?.connectMicros ?? 0) / 1000;
      const told = errorsAbout(address);
      const right =
        result?.error === expected.error &&
        ms >= expected.fromMs - 1 &&
        ms <= expected.toMs &&
        told === expected.errors;
      return right
        ? []
        : [`${family} ${answers.join(' ')}: ${result?.error ?? 'connected'} after ${ms} ms, ${told} errors`];
    });
    expect(wrong).toEqual([]);
    expect(await halfOpen(lab)).toBe(0);
    const positive = CASES.filter(({ answers }) => answers.includes('syn-ack')).length;
    expect(await echo.count()).toMatchObject({ accepted: positive, bytes: positive * 1000 });
  });

  test('what the daemon noted agrees', async () => {
    const { races } = await made.status();
    const failed = CASES.filter(
      ({ answers }) => !answers.includes('syn-ack') && answers.some((answer) => answer !== 'silent'),
    ).length;
    expect(races.failed).toBeGreaterThanOrEqual(failed);
    const [decision] = await made.why(`${CASES[2]?.address}:${PORT}`);
    expect(decision).toMatchObject({ route: 'c', reasons: ['first-reply'] });
    expect(decision?.routes.map(({ answer }) => answer)).toEqual(['rst', 'rst', 'syn-ack']);
  });
});

/** Errors that the client got about an address: its RST, or an ICMP error that quotes it. */
function errorsAbout(address: string): number {
  return tap.received.filter(({ kind, source, icmp }) =>
    kind === 'rst' ? source === address : icmp?.quoted?.destination === address,
  ).length;
}
