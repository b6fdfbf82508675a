/** What holds of `win: first-payload` whoever opens the connection: a client of the LAN, or the gateway itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { OpeningPlan, OpeningResult, OpeningServer } from '../../../lab/children/opening.js';
import { eventually, type GatewayLab, NEAR } from './gateway-lab.js';
import { delays, OPENING_CONFIG, type OpeningLabOptions, withLinks } from './opening-lab.js';

/** At the first provider: it agrees on no window scale, no SACK and nothing else, and the client was shown that. */
export const PROXY = { delayMs: 1, answersSyn: true };

/** `without` takes the gateway away, leaves what it is compared with, and says how that is taken away. */
export async function seesTheSame(
  options: OpeningLabOptions,
  without: (made: GatewayLab) => Promise<() => Promise<void>>,
): Promise<void> {
  await withLinks(
    delays(5, 15, 25),
    async ({ made, listen, say }) => {
      const all = async () => {
        const results = [];
        for (const [index, [name, , plan]] of CASES.entries())
          results.push({ name, ...seen(await say({ ...plan, port: 8000 + index, withinMs: 10_000 })) });
        return results;
      };
      for (const [index, [, server]] of CASES.entries()) await listen({ ...server, port: 8000 + index });
      const ours = await all();
      const reasons = (await made.why(NEAR)).map(({ destination, reasons: [reason] }) => {
        const [name] = CASES[Number(destination.split(':')[1]) - 8000];
        return [name, reason] as const;
      });
      const remove = await without(made);
      const theirs = await all();
      await remove();
      await made.startDaemon();
      expect(ours).toEqual(theirs);
      expect(Object.fromEntries(reasons)).toEqual(
        Object.fromEntries(CASES.map(([name, , , reason]) => [name, reason])),
      );
    },
    options,
  );
}

/** A daemon that dies meanwhile: the connection goes on by what was shown. */
export async function outlivesTheDaemon(options: OpeningLabOptions): Promise<void> {
  await withLinks(
    delays(5, 15, 25),
    async ({ made, listen, say }) => {
      await listen({ thinkMs: 3000 });
      const going = say({ down: 100_000, up: 100_000, withinMs: 20_000 });
      await sleep(800);
      made.daemon.signal('SIGKILL');
      await made.daemon.done;
      await made.startDaemon();
      expect(await going).toMatchObject({ ok: true, down: 100_000 });
    },
    options,
  );
}

/** What is remembered is not raced again: the kernel goes by it, and once nothing more can come it need not be asked for. */
export async function goesByMemory(options: OpeningLabOptions): Promise<void> {
  await withLinks(
    [PROXY, ...delays(10, 30)],
    async ({ made, listen, say }) => {
      await listen({});
      expect(await say({ down: 1000 })).toMatchObject({ ok: true });
      const known = async () => (await made.status()).memory.inKernel;
      expect(await eventually(known, (count) => count > 0, 10_000)).toBeGreaterThan(0);
      await made.lab.wire.reset();
      expect(await say({ down: 1000 })).toMatchObject({ ok: true });
      const syns = await made.lab.wire.trace({ kind: 'syn', direction: 'out' });
      expect(syns.map(({ provider }) => provider)).toEqual(['p2']);
    },
    { ...options, config: { ...OPENING_CONFIG, ...options.config, memory: { trust: '10m' } } },
  );
}

/** What a client can see of a connection. */
const seen = ({ ok, error, down }: OpeningResult) => ({ ok, error, down });

/** By name: a server, what is said to it, and what `why` gives for it where all routes work. */
const CASES: readonly (readonly [string, Partial<OpeningServer>, Partial<OpeningPlan>, string])[] = [
  ['a server that resets', { mode: 'reset' }, { down: 10 }, 'all-routes-negative'],
  ['a server that closes without a word', { mode: 'close' }, { down: 10 }, 'others-out'],
  ['a server that speaks first', { greeting: 2000 }, { greeting: 2000 }, 'first-payload'],
  ['a client that closes right behind its words', {}, { down: 100_000, closes: 'after' }, 'client-has-ended'],
  ['a client that closes without a word', {}, { closes: 'before' }, 'client-has-ended'],
  [
    'words that must not be said twice',
    {},
    { method: 'POST', down: 100_000, up: 100_000 },
    'payload-not-safe',
  ],
  ['words of several segments', {}, { padding: 5000, down: 100_000, up: 100_000 }, 'first-payload'],
  ['words in many pieces', {}, { pieces: 11, down: 100_000 }, 'first-payload'],
  ['words that are too long', {}, { padding: 12_000, down: 100_000 }, 'payload-too-long'],
  ['a client that takes its time', {}, { waitMs: 1500, down: 100_000 }, 'first-payload'],
  ['a server that takes its time', { thinkMs: 1500 }, { down: 100_000, up: 10_000 }, 'first-payload'],
];
