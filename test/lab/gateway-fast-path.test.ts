/** The fast path where the kernel may have none: what is asked for is told as it is, and nothing else depends on it (test/kernels has the rest). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectMs, eventually, GatewayLab, NEAR, NEAR6 } from './support/gateway-lab.js';

const PORT = 7;
const CONFIG = { kernel: { fastPath: 'auto' } };
const TRIAL = `table inet trial {
  flowtable f { hook ingress priority 0; devices = { lo }; }
  chain c { type filter hook forward priority 0; flow add @f; }
}`;

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start({ providers: [{ name: 'a' }, { name: 'b' }] }, { config: CONFIG });
  await made.lab.server().echo({ ports: [PORT] });
});

afterAll(async () => {
  await made?.stop();
});

async function connect(): Promise<void> {
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
  connectMs(await made.lab.client().connect({ targets, count: 10, bytes: 100_000 }));
}

test('asked for, it is on where the kernel has a flowtable, and says why where it has none', async () => {
  const { gateway } = made.lab;
  const has = (await gateway.run(['nft', '-c', '-f', '-'], { input: TRIAL })).code === 0;
  const { fastPath } = await made.status();
  expect(fastPath).toEqual({
    wanted: 'auto',
    state: has ? 'on' : 'unavailable',
    why: has ? null : expect.stringMatching(/./),
  });
  expect((await gateway.must(['nft', 'list', 'flowtables'])).includes('flowtable fast')).toBe(has);
  await connect();
});

test('a reload switches it off', async () => {
  made.rewriteConfig({});
  await made.command('reload');
  const status = await eventually(
    () => made.status(),
    ({ fastPath }) => fastPath.state === 'off',
    3000,
  );
  expect(status.fastPath).toEqual({ wanted: 'off', state: 'off', why: null });
  await connect();
});
