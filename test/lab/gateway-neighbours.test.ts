/**
 * Beside the programs that gateways have: each connection arrives, or does not, as it does beside plain kernel NAT with the same program,
 * whichever of the two has set its rules last, and none leaves by a provider with an address that is not the provider's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, type Case, GROUND, type Installation, NEIGHBOURS, openGround } from '../../lab/beside/index.js';
import { plainMasquerade } from '../../lab/index.js';
import { GatewayLab } from './support/gateway-lab.js';
import { WAYS } from './support/subjects.js';

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(GROUND, { topologyChanges: true });
  await openGround(made.lab);
  await made.stopDaemon();
});

afterAll(async () => {
  await made?.stop();
});

describe.each(NEIGHBOURS.map((each) => [each.name, each] as const))('%s', (_, { install, probes }: Case) => {
  let installed: Installation | undefined;

  beforeAll(async () => {
    installed = await install(made.lab);
  });

  afterAll(async () => {
    await installed?.remove();
  });

  async function asExpected(): Promise<void> {
    for (const probe of probes)
      expect.soft(await ask(probe, made.lab, installed!), probe.name).toEqual(probe.expected);
  }

  async function withGateway(way: string, action: () => Promise<void>): Promise<void> {
    await made.startDaemon(WAYS[way]);
    try {
      await action();
    } finally {
      await made.stopDaemon();
    }
  }

  test('plain kernel NAT', async () => {
    const nat = await plainMasquerade(made.lab);
    try {
      await asExpected();
    } finally {
      await nat.remove();
    }
  });

  test.each(['race, with memory', 'turns'])('the gateway started after it: %s', (way) =>
    withGateway(way, asExpected),
  );

  test('the gateway started before it: race', () =>
    withGateway('race', async () => {
      await installed?.reload?.();
      await asExpected();
    }));
});
