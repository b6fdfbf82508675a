/** Routes and interfaces of others that come and go all the time, as a routing daemon and containers have it: the gateway hears it and does nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { childMicros, threadMicros } from '../../bench/process-time.js';
import type { GatewayLab } from './support/gateway-lab.js';
import { withGateway } from './support/gateway-lab.js';
import { setCarrier, untilState } from './support/routes.js';

const SCENARIO = { providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] };
const SECONDS = 8;
const PER_SECOND = 50;

/** Fifty changes a second for some seconds, half of them routes of the main table, half of another. */
function storm(): string {
  return `for i in $(seq ${(SECONDS * PER_SECOND) / 4}); do
    ip route add 10.$((i % 200)).0.0/16 dev lan0; ip route add 10.$((i % 200)).0.0/16 dev lan0 table 5000
    sleep ${(2 / PER_SECOND).toFixed(3)}
    ip route del 10.$((i % 200)).0.0/16 dev lan0; ip route del 10.$((i % 200)).0.0/16 dev lan0 table 5000
    sleep ${(2 / PER_SECOND).toFixed(3)}
  done`;
}

/** Microseconds of processor time a second, those of the tools that it runs included. */
async function microsPerSecond(made: GatewayLab): Promise<number> {
  const spent = (): number => threadMicros(made.daemon.pid, null) + childMicros(made.daemon.pid);
  const before = spent();
  const startedAt = performance.now();
  await sleep(SECONDS * 500);
  return (spent() - before) / ((performance.now() - startedAt) / 1000);
}

test('fifty changes a second that concern nobody cost next to nothing, and what does concern us is still seen at once', async () => {
  await withGateway(SCENARIO, { topologyChanges: true }, async (made) => {
    const { gateway } = made.lab;
    await sleep(3000);
    const rest = await microsPerSecond(made);
    const changes = gateway.run(['sh', '-c', storm()], { timeoutMs: 60_000 });
    await sleep(500);
    const busy = await microsPerSecond(made);
    process.stderr.write(
      `the daemon and its tools: ${rest.toFixed(0)} us/s at rest, ${busy.toFixed(0)} in the storm\n`,
    );
    expect(busy - rest).toBeLessThan(50_000);
    await setCarrier(made, 1, false);
    expect((await untilState(made, 'a', 'down', 5000)).state).toBe('down');
    await setCarrier(made, 1, true);
    expect((await untilState(made, 'a', 'suspect', 8000)).state).toBe('suspect');
    expect((await changes).code).toBe(0);
    // An address that goes is one of ours, storm or not.
    await gateway.must(['ip', 'addr', 'flush', 'dev', 'wan2', 'scope', 'global']);
    expect((await untilState(made, 'b', 'down', 5000)).state).toBe('down');
  });
});
