/** A bug in the handling of a packet costs that packet's race, and nothing else: neither the gateway nor anybody's connection. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { NEAR, NEAR6, withGateway } from './support/gateway-lab.js';

const WELL = 7;
/** Set-ups, and answers, of connections to these ports break something in the engine of the daemon. */
const BREAKS_SETUP = 666;
const BREAKS_ANSWER = 667;

const folder = mkdtempSync(join(tmpdir(), 'pathrace-broken-'));
const preload = join(folder, 'break.mjs');
const tcp = new URL('../../dist/src/core/protocols/tcp.js', import.meta.url).href;
writeFileSync(
  preload,
  `import { tcp } from '${tcp}';
const { token, judge } = tcp;
tcp.token = (packet) => packet.destinationPort === ${BREAKS_SETUP} ? undefined.broken : token(packet);
tcp.judge = (packet, ...rest) => packet.sourcePort === ${BREAKS_ANSWER} ? undefined.broken : judge(packet, ...rest);
`,
);
afterAll(() => rmSync(folder, { recursive: true }));

test('packets that break something are handled plainly, counted and told; all others are raced', async () => {
  const scenario = {
    providers: [{ name: 'a', link: { delayMs: 5 } }, { name: 'b' }, { name: 'c' }],
    lan: { clients: 2 },
  };
  const options = { preload, expectedEvents: ['broken'] };
  await withGateway(scenario, options, async (made) => {
    const { lab, daemon } = made;
    await lab.server().echo({ ports: [WELL, BREAKS_SETUP, BREAKS_ANSWER] });
    const hostile = lab.client(0).connector();
    const neighbour = lab.client(1).connector();
    const plan = (port: number, address = NEAR) => ({ targets: [{ address, port }], bytes: 2000 });
    for (const address of [NEAR, NEAR6]) {
      // Plain routing: the rest route carries what the engine could not take.
      const plain = await hostile.run({ ...plan(BREAKS_SETUP, address), count: 40 });
      expect(plain.filter(({ ok }) => ok)).toHaveLength(40);
      // An answer that breaks ends there: its client repeats, and others are not touched.
      const broken = hostile.run({ ...plan(BREAKS_ANSWER, address), count: 10, timeoutMs: 1500 });
      const well = await neighbour.run({ ...plan(WELL, address), count: 50 });
      expect(well.filter(({ ok }) => ok)).toHaveLength(50);
      await broken;
    }
    await sleep(100);
    const now = await made.status();
    expect(now.races.single['internal-error']).toBeGreaterThanOrEqual(80);
    expect(now.races.decided).toBeGreaterThanOrEqual(100);
    expect(now.alarms.join()).toMatch(/a bug inside Pathrace was caught \d+ times/);
    expect(daemon.stderr()).toMatch(/"event":"broken"/);
    // The thread has not been started anew.
    expect(daemon.stderr()).not.toMatch(/race-thread-ended/);
  });
});
