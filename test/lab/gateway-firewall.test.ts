/**
 * The operator's own rules see every new connection, raced or not: each rule gives the same beside plain kernel NAT and beside the
 * gateway, for a service that races everything and for ones that choose by themselves.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, GROUND, openGround, RULES } from '../../lab/beside/index.js';
import { plainMasquerade } from '../../lab/index.js';
import { GatewayLab } from './support/gateway-lab.js';
import { WAYS } from './support/subjects.js';

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(GROUND);
  await openGround(made.lab);
  await made.stopDaemon();
});

afterAll(async () => {
  await made?.stop();
});

async function asBeside(name: string): Promise<void> {
  const { install, probes } = RULES.find((each) => each.name === name)!;
  const installed = await install(made.lab);
  try {
    for (const probe of probes)
      expect.soft(await ask(probe, made.lab, installed), probe.name).toEqual(probe.expected);
  } finally {
    await installed.remove();
  }
}

describe('plain kernel NAT', () => {
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ remove } = await plainMasquerade(made.lab));
  });

  afterAll(() => remove());

  test.each(RULES.map(({ name }) => name))('%s', asBeside);
});

describe.each(Object.entries(WAYS))('the gateway, %s', (_, config) => {
  beforeAll(() => made.startDaemon(config));

  afterAll(async () => {
    await made.stopDaemon();
  });

  test.each(RULES.map(({ name }) => name))('%s', asBeside);
});
