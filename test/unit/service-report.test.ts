/** What `services` and the line `configuration` of `status` say, of real states and real files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { mergeLive } from '../../src/config/merge.js';
import { ConfigSource } from '../../src/daemon/config-source.js';
import { serviceStatus } from '../../src/daemon/service-report.js';
import { desiredState } from '../../src/kernel/desired.js';
import { renderNft } from '../../src/kernel/render.js';
import { resolveRoutes } from '../../src/kernel/routes.js';
import { choices, config, link, snapshot } from '../golden/states.js';

const YAML = `
lan: [lan0]
routes:
  a: { interface: wan1, gateway: 203.0.1.1, addresses: [203.0.1.2], weight: 3 }
  b: { interface: wan2, gateway: 203.0.2.1, addresses: [203.0.2.2], weight: 1 }
services:
  - { name: bank, match: { tcp: 443, destination: 198.51.100.0/24 }, select: race, affinity: none }
  - { name: bulk, match: { tcp: 873 }, select: weighted }
  - { name: call, match: { udp: 5060 }, select: { criterion: priority, routes: [b, a] } }
  - { name: load, match: { udp: 53 }, select: least-weighted-load }
  - { name: night, match: { tcp: any, time: "Mon-Sun 1:00-2:00" }, select: b }
  - { name: left, match: { protocol: icmp }, select: rest }
rest: { route: a }
`;

function desired(yaml: string) {
  const parsed = config(yaml);
  const links = [link('lan0', 2), link('wan1', 3), link('wan2', 4)];
  const resolved = resolveRoutes(parsed, snapshot(links));
  const abilities = { queue: 'nft', ipsec: true, log: true } as const;
  return { parsed, state: desiredState(parsed, resolved, abilities, choices(parsed, resolved)) };
}

const routeName = (number: number): string | null => ['', 'a', 'b'][number] ?? null;

describe('services', () => {
  const { parsed, state } = desired(YAML);
  const found = serviceStatus(parsed, state, routeName, new Map([['hits_2', 12]]));
  const of = (name: string) => found.find((service) => service.name === name);

  it('say what they match and how they choose, as the file does, in its order', () => {
    expect(found.map(({ name }) => name)).toEqual(['bank', 'bulk', 'call', 'load', 'night', 'left']);
    expect(of('bank')).toMatchObject({
      match: 'tcp: 443, destination: 198.51.100.0/24',
      select: 'race',
      affinity: 'none',
    });
    expect(of('call')).toMatchObject({ match: 'udp: 5060', select: 'criterion: priority, routes: [b, a]' });
    expect(of('night')).toMatchObject({ select: 'b', active: false });
    expect(of('bulk')?.active).toBe(true);
  });

  it('say what the kernel does with the next connection', () => {
    const plans = Object.fromEntries(found.map(({ name, plan }) => [name, plan.ipv4]));
    expect(plans).toEqual({
      bank: { kind: 'memory', routes: {} },
      bulk: { kind: 'turns', routes: { a: 0.75, b: 0.25 } },
      call: { kind: 'one', routes: { b: 1 } },
      load: { kind: 'daemon', routes: {} },
      night: { kind: 'one', routes: { b: 1 } },
      left: { kind: 'rest', routes: {} },
    });
    expect(of('bulk')?.plan.ipv6.kind).toBe('none');
    const raced = desired(`${YAML}memory: { trust: 0s }\n`);
    const [bank] = serviceStatus(raced.parsed, raced.state, routeName, new Map());
    expect(bank?.plan.ipv4.kind).toBe('race');
  });

  it('count what they take, by a counter that every way to match them has', () => {
    expect(found.map(({ hits }) => hits)).toEqual([0, 12, 0, 0, 0, 0]);
    const text = renderNft(state);
    for (const service of state.services) {
      expect(text).toContain(`add counter inet pathrace hits_${service.number}\n`);
      const ways = text.split('\n').filter((line) => line.endsWith(`goto service_${service.number}`));
      expect(ways.length > 0).toBe(service.isActive);
      for (const way of ways) expect(way).toContain(`counter name hits_${service.number} goto`);
    }
  });
});

describe('the configuration in use', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pathrace-source-'));
  const file = join(folder, 'pathrace.yaml');
  const yaml = (more = '') =>
    `lan: l\nroutes: { a: { interface: w1 }, b: { interface: w2 } }\nrest: { route: a }\n${more}`;
  const write = (text: string) => writeFileSync(file, text);
  const parse = async (text: string) => parseConfig(text, file);
  const NOW = { isChanging: false, isOwed: false };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is the file as it is, changed since, waiting for a restart, being applied, not applied, or gone', async () => {
    write(yaml());
    let running = loadConfig(file);
    const source = await new ConfigSource(file, running, parse).begin();
    const report = async (how = NOW) => source.report(await source.look(), running, how);
    expect(await report()).toMatchObject({ file, state: 'same', differences: 0 });

    // What is not in the file's meaning is a change of the file all the same: nobody knows before it is read.
    write(yaml('# a note\n'));
    expect((await report()).state).toBe('changed');
    running = mergeLive(running, await source.load(parse));
    expect((await report()).state).toBe('same');

    write(yaml('memory: { trust: 5m, size: 5000 }\n'));
    running = mergeLive(running, await source.load(parse));
    expect(await report()).toMatchObject({ state: 'waiting', differences: 1 });

    expect((await report({ isChanging: true, isOwed: true })).state).toBe('applying');
    expect((await report({ isChanging: false, isOwed: true })).state).toBe('failed');

    write('lan: 7\n');
    await expect(source.load(parse)).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' });
    expect((await report()).state).toBe('changed');
    rmSync(file);
    expect((await report()).state).toBe('gone');
    write(yaml('memory: { trust: 5m, size: 5000 }\n'));
    expect((await report()).state).toBe('waiting');
  });

  it('is not read beyond what a configuration may have', async () => {
    write(yaml());
    const running = loadConfig(file);
    const source = await new ConfigSource('/dev/zero', running, async () => running).begin();
    const report = async () => source.report(await source.look(), running, NOW);
    expect((await report()).state).toBe('same');
  });
});
