/** Who answers SYNs in servers' places, where the first reply decides: noticed by a sample of connections, of which the kernel tells. */
import { describe, expect, test } from 'vitest';
import { eventually, type GatewayLab, NEAR, NEAR6, PATHRACE } from './support/gateway-lab.js';
import { delays, divert, type OpeningLab, withLinks } from './support/opening-lab.js';

const CONFIG = {
  services: [{ name: 'web', match: { tcp: 'any' }, select: 'race', affinity: 'none' }],
  memory: { trust: '0s' },
};
/** Of the program that answers in the servers' place. */
const PROXY = 9999;
const FAR_MS = 150;

async function pages(
  { say }: OpeningLab,
  count: number,
  plan: Parameters<OpeningLab['say']>[0] = {},
): Promise<void> {
  for (let i = 0; i < count; i++) expect(await say({ down: 20_000, ...plan })).toMatchObject({ ok: true });
}

/** Routes that `why` calls intercepted, of each connection. */
async function intercepted(made: GatewayLab, address = NEAR): Promise<string[][]> {
  const decisions = await made.why(address);
  return decisions.map(({ routes }) => routes.filter((one) => one.intercepted).map(({ route }) => route));
}

/** Entries of living flows that the kernel would still tell of: HELD and RESCUABLE in the default's bits. */
async function sampled(made: GatewayLab): Promise<string[]> {
  const list = await made.lab.gateway.must(['conntrack', '-L', '-p', 'tcp', '-m', '0x40000080/0x40000080']);
  return list.split('\n').filter((line) => line.includes('tcp'));
}

describe.each([NEAR, NEAR6])('connections to %s', (address) => {
  test('by a provider whose proxy answers in a millisecond, and brings the words of far away', async () => {
    await withLinks(
      delays(1, 50, 80),
      async (opening) => {
        const { made, listen } = opening;
        await divert(made, 1, PROXY);
        await listen({});
        await listen({ port: PROXY, thinkMs: FAR_MS });
        await pages(opening, 2, { address });
        expect(await intercepted(made, address)).toEqual([[], []]);
        await pages(opening, 1, { address });
        const all = [['p1'], ['p1'], ['p1']];
        expect(
          await eventually(
            () => intercepted(made, address),
            (found) => found.flat().length === 3,
            6000,
          ),
        ).toEqual(all);
        const decisions = await made.why(address);
        expect(decisions.map(({ route, reasons }) => [route, reasons])).toEqual(
          all.map(([route]) => [route, ['first-reply']]),
        );
        const text = await made.lab.gateway.must([
          PATHRACE,
          'why',
          address,
          '--control',
          made.lab.controlSocket,
        ]);
        expect(text).toContain('intercepted');
      },
      { config: CONFIG },
    );
  });
});

test.each([
  ['a server that is near by one provider alone', [1, 50, 80], 0],
  ['a server that takes its time, as near by all', [5, 6, 7], FAR_MS],
])('%s is none', async (_, links, thinkMs) => {
  await withLinks(
    delays(...links),
    async (opening) => {
      await opening.listen({ thinkMs });
      await pages(opening, 5);
      await new Promise((done) => setTimeout(done, 2500));
      expect(await intercepted(opening.made)).toEqual([[], [], [], [], []]);
    },
    { config: CONFIG },
  );
});

test('no packet of them passes the daemon, and none is told of once the server has spoken', async () => {
  await withLinks(
    delays(1, 50, 80),
    async (opening) => {
      const { made, listen, say } = opening;
      await listen({ thinkMs: 1000 });
      await pages(opening, 1);
      const queued = async () => {
        const { queue } = (await made.status()).packets;
        return Object.values(queue).reduce((sum, count) => sum + count, 0);
      };
      const before = await queued();
      const going = say({ down: 3_000_000, up: 3_000_000 });
      const found = await eventually(
        () => sampled(made),
        (list) => list.length === 1,
        900,
      );
      expect(found).toHaveLength(1);
      expect(await going).toMatchObject({ ok: true });
      expect(await sampled(made)).toEqual([]);
      // The set-up, and each route's answer.
      expect((await queued()) - before).toBeLessThan(20);
    },
    { config: CONFIG },
  );
});

test('who says nothing is let go after two seconds', async () => {
  await withLinks(
    delays(1, 50, 80),
    async (opening) => {
      const { made, listen, say } = opening;
      await listen({ greeting: 0 });
      const silent = say({ waitMs: 6000, down: 1000 });
      expect(
        await eventually(
          () => sampled(made),
          (list) => list.length === 1,
          900,
        ),
      ).toHaveLength(1);
      expect(
        await eventually(
          () => sampled(made),
          (list) => list.length === 0,
          5000,
        ),
      ).toEqual([]);
      expect(await silent).toMatchObject({ ok: true });
    },
    { config: CONFIG },
  );
});
