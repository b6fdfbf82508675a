import { beforeEach, describe, expect, it } from 'vitest';
import { planReload } from '../../src/config/plan.js';
import { Commands } from '../../src/daemon/commands.js';
import type { GatewayState } from '../../src/daemon/gateway-state.js';
import { Numbers } from '../../src/daemon/numbers.js';
import { Pins } from '../../src/daemon/pins.js';
import { TakeOver } from '../../src/daemon/take-over.js';
import type { DesiredState } from '../../src/kernel/desired.js';
import { marksOf } from '../../src/kernel/marks.js';
import { resolveRoutes } from '../../src/kernel/routes.js';
import type { GatewayConfig } from '../../src/model/config.js';
import { read } from './config-tools.js';

const text = (first: string, level: string): string =>
  `lan: [lan0]\nlog: { level: ${level} }\nroutes: { ${first}: { interface: wan1 }, b: { interface: wan2 } }\nrest: { route: b }\n`;
const BEFORE = read(text('a', 'info'));
const AFTER = read(text('fiber', 'warn'));

const numbers = { routes: new Numbers(4), services: new Numbers(4) };
let commands: Commands;
let pins: Pins;
let config: GatewayConfig;
let log: { level: string };
/** What a step does while everything is made to go by a configuration, the next first. */
let steps: (() => void)[];
let takeOver: TakeOver;
/** Routes that it went back to; null: it did not. */
let left: string[] | null;

beforeEach(() => {
  commands = new Commands();
  pins = new Pins();
  pins.set({ destination: '198.51.100.7', route: 'a', untilMs: 1, untilDateMs: null });
  numbers.routes = new Numbers(4);
  numbers.services = new Numbers(4);
  log = { level: 'info' };
  steps = [];
  left = null;
  const goBy = (wanted: GatewayConfig): void => {
    config = wanted;
    numbers.routes.assign(config.routes.map(({ name }) => name));
  };
  goBy(BEFORE);
  // Those parts of a gateway that a change is about, as they are; of the others, what becomes of names at the end.
  const gateway = {
    get config() {
      return config;
    },
    get routes() {
      const links = { links: new Map(), addresses: [], routes: [] };
      return resolveRoutes(config, links as never, (name) => numbers.routes.of(name), []);
    },
    numbers,
    commands,
    notes: () => [`notes of ${config.routes[0].name}`],
    presenceAlarms: () => [`alarms of ${config.routes[0].name}`],
    troubles(): string[] {
      return this.presenceAlarms();
    },
    pins,
    adminOf: (name: string) => commands.of(name),
    paths: { found: () => null, recall() {} },
    books: { accounts: { follow() {} } },
    failover: null,
  };
  takeOver = new TakeOver({
    log: log as never,
    gateway: gateway as unknown as GatewayState,
    desired: () => ({ marks: marksOf(0xff), first: config.routes[0].name }) as unknown as DesiredState,
    goBy,
    follow: async () => steps.shift()?.(),
    backTo: async (routes) => {
      left = routes.map((route) => route.config.name);
    },
  });
});

/** All that somebody is shown of the first route. */
function shown(): object {
  const { inForce } = takeOver;
  const { name } = inForce.config.routes[0];
  return {
    name,
    routes: inForce.routes.map((route) => route.config.name),
    number: inForce.numbers.routes.of(name),
    commanded: inForce.commands.of(name),
    admin: inForce.adminOf(name),
    troubles: inForce.troubles(),
    notes: inForce.notes(),
    desired: (inForce.desired() as unknown as { first: string }).first,
  };
}

const run = (): Promise<void> => takeOver.run(planReload(BEFORE, AFTER, 2, () => 0));

describe('what is shown while a configuration is taken over', () => {
  it('is the one before, as a whole, until the end', async () => {
    commands.set('a', 'draining', 7);
    const before = shown();
    expect(before).toMatchObject({ name: 'a', number: 1, commanded: 'draining', admin: 'draining' });
    let seen: object = {};
    steps = [
      () => {
        expect(config).toEqual(AFTER);
        expect(takeOver.inForce.isChanging).toBe(true);
        expect(log.level).toBe('info');
        seen = shown();
      },
    ];
    await run();
    expect(seen).toEqual(before);
    expect(takeOver.inForce.isChanging).toBe(false);
    expect(left).toBeNull();
    expect(log.level).toBe('warn');
    expect(pins.of('198.51.100.7')?.route).toBe('fiber');
    expect(shown()).toEqual({
      name: 'fiber',
      routes: ['fiber', 'b'],
      number: 1,
      commanded: 'draining',
      admin: 'draining',
      troubles: ['alarms of fiber'],
      notes: ['notes of fiber'],
      desired: 'fiber',
    });
  });

  it('stays the one before when a step fails, also while that is undone, which may fail, too', async () => {
    commands.set('a', 'disabled', 7);
    const before = shown();
    const seen: object[] = [];
    const failing = (): void => {
      seen.push(shown());
      throw new Error('nft said no');
    };
    steps = [failing, failing];
    await expect(run()).rejects.toThrow('nft said no');
    expect(seen).toEqual([before, before]);
    expect(shown()).toEqual(before);
    expect(left).toEqual(['a', 'b']);
    expect(pins.of('198.51.100.7')?.route).toBe('a');
    expect({ config, level: log.level }).toEqual({ config: BEFORE, level: 'info' });
    expect(numbers.routes.nameOf(1)).toBe('a');
  });
});
