/** What the kernel is told, as text. A change of these files is a change of what a gateway does: read the diff. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { desiredState } from '../../src/kernel/desired.js';
import { desiredIp, ipChanges } from '../../src/kernel/ip-state.js';
import type { TableObject } from '../../src/kernel/nft-read.js';
import { chainsOf, renderNft } from '../../src/kernel/render.js';
import { objectsOf } from '../../src/kernel/render-objects.js';
import { renderSweep } from '../../src/kernel/render-sweep.js';
import { resolveRoutes } from '../../src/kernel/routes.js';
import { choices, config, link, STATES, snapshot } from '../golden/states.js';

const golden = (name: string): string => new URL(`../golden/${name}`, import.meta.url).pathname;
const NOTHING = { rules: [], routes: [] };

describe.each(Object.entries(STATES))('%s', (name, state) => {
  it('ruleset', async () => {
    await expect(renderNft(state)).toMatchFileSnapshot(golden(`${name}.nft`));
  });

  it('rules and routing tables', async () => {
    const text = (['ipv4', 'ipv6'] as const).map((family) => {
      const lines = ipChanges(NOTHING, desiredIp(state, family));
      return lines.map((line) => `ip ${family === 'ipv4' ? '-4' : '-6'} ${line}\n`).join('');
    });
    await expect(text.join('')).toMatchFileSnapshot(golden(`${name}.ip`));
  });
});

it('has no golden without a state', () => {
  const files = readdirSync(new URL('../golden/', import.meta.url)).filter((file) =>
    /\.(nft|ip)$/.test(file),
  );
  const wanted = Object.keys(STATES).flatMap((name) => [`${name}.nft`, `${name}.ip`]);
  expect(files.sort()).toEqual(wanted.sort());
});

describe('a reload', () => {
  const name = ({ name, kind }: { name: string; kind: string }): string => `${kind} ${name}`;

  it.each(Object.entries(STATES))(
    'to %s removes no set, map or counter before it is swept',
    (_name, state) => {
      for (const before of Object.values(STATES))
        expect(renderNft(state, before)).not.toMatch(/^delete (?!chain )/m);
    },
  );

  it('has no set, map or counter that comes and goes with the health of routes', () => {
    expect(objectsOf(STATES['services-a-suspect'])).toEqual(objectsOf(STATES.services));
    expect(objectsOf(STATES['three-routes-a-down'])).toEqual(objectsOf(STATES['three-routes']));
  });

  it('is swept of what the state does not have, chains first; and of nothing else', () => {
    const state = STATES.services;
    const own: TableObject[] = [
      ...chainsOf(state).map((chain) => ({ kind: 'chain' as const, name: chain })),
      ...objectsOf(state),
    ];
    expect(renderSweep(own, state)).toBe('');
    const others: TableObject[] = [
      { kind: 'map', name: 'memory4_ff' },
      { kind: 'chain', name: 'service_99' },
      { kind: 'set', name: 'domain4_99' },
      { kind: 'counter', name: 'forgotten' },
    ];
    expect(
      renderSweep([...others, ...own], state)
        .trim()
        .split('\n'),
    ).toEqual([
      'flush chain inet pathrace service_99',
      'delete chain inet pathrace service_99',
      'delete map inet pathrace memory4_ff',
      'delete set inet pathrace domain4_99',
      'delete counter inet pathrace forgotten',
    ]);
    const left = objectsOf(state).filter((one) => !objectsOf(STATES.pools).map(name).includes(name(one)));
    expect(renderSweep(objectsOf(state), STATES.pools).trim().split('\n')).toEqual(
      left.map((one) => `delete ${one.kind} inet pathrace ${one.name}`),
    );
  });
});

describe('the share of connections that is raced again', () => {
  const rules = (refresh: string): string => {
    const routes = ['a', 'b'].map(
      (name, i) => `${name}: { interface: wan${i + 1}, addresses: 203.0.${i}.2, gateway: 203.0.${i}.1 }`,
    );
    const parsed = config(`
lan: lan0
routes: { ${routes.join(', ')} }
services: [{ name: all, match: { tcp: any }, select: race }]
rest: { route: a }
memory: { refresh: ${refresh} }
`);
    const links = [link('lan0', 2), link('wan1', 3), link('wan2', 4)];
    const resolved = resolveRoutes(parsed, snapshot(links));
    return renderNft(
      desiredState(parsed, resolved, { queue: 'nft', ipsec: true, log: true }, choices(parsed, resolved)),
    );
  };

  it('is none only when it is written as none, however small it is', () => {
    expect(rules('0')).not.toContain('numgen random');
    expect(rules('0.5%')).toContain('numgen random mod 1000000 < 5000 ');
    expect(rules('0.0004')).toContain('numgen random mod 1000000 < 400 ');
    expect(rules('0.000000001')).toContain('numgen random mod 1000000 < 1 ');
  });
});

describe('a ruleset', () => {
  it.each(Object.entries(STATES))('of %s names every chain before it jumps there', (_name, state) => {
    const lines = renderNft(state).split('\n');
    const declared = new Set<string>();
    for (const line of lines) {
      const chain = /^add chain inet pathrace (\S+)/.exec(line)?.[1];
      if (chain !== undefined) declared.add(chain);
      for (const [, target] of line.matchAll(/(?:jump|goto) (\w+)/g)) expect(declared).toContain(target);
    }
  });

  it('keeps what lives in the queue chains where nft cannot write it', () => {
    expect(renderNft(STATES['two-routes-xt'])).not.toMatch(/flush chain inet pathrace queue_|queue flags/);
    expect(renderNft(STATES['two-routes'])).toMatch(/flush chain inet pathrace queue_lan/);
  });

  it('touches only the chains that differ from the state before: turns and limits go on', () => {
    const [before, after] = [STATES.services, STATES['services-a-suspect']];
    const flushed = (text: string): string[] =>
      [...text.matchAll(/^flush chain inet pathrace (\S+)$/gm)].map(([, name]) => name);
    // The first of all fails where the table is gone.
    expect(renderNft(before, before).split('\n')[0]).toBe('flush chain inet pathrace unanswered');
    const ofNft = ['queue_lan', 'queue_wan', 'queue_dns', 'queue_calls'];
    const same = flushed(renderNft(before, before));
    expect(same.filter((name) => !ofNft.includes(name))).toEqual(['unanswered', 'unanswered']);
    const changed = new Set(flushed(renderNft(after, before)));
    const chainOf = (text: string, name: string): string =>
      text
        .split('\n')
        .filter((line) => line.startsWith(`add rule inet pathrace ${name} `))
        .join('\n');
    const [old, now] = [renderNft(before), renderNft(after)];
    for (const name of flushed(now)) {
      if (name === 'unanswered' || ofNft.includes(name)) continue;
      expect([name, changed.has(name)]).toEqual([name, chainOf(old, name) !== chainOf(now, name)]);
    }
  });
});
