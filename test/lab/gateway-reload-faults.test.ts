/** A reload whose n-th call of a tool or of netlink fails: all of it is in force or nothing, it is said, and a moment later all of it is. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { ConfigOverrides } from '../../lab/index.js';
import { askPreview, commandControl } from '../../src/api/client.js';
import type { ReloadPreview } from '../../src/api/contract.js';
import { RELOAD_PATH } from '../../src/api/paths.js';
import { Breakage } from './support/breakage.js';
import { daemonState, difference, settledState } from './support/daemon-state.js';
import { connectMs, eventually, type GatewayLab, NEAR, NEAR6, withGateway } from './support/gateway-lab.js';
import { elementsOf, tableObjects, texts } from './support/table.js';

const PORT = 7;
/** Of the service whose groups must live. */
const HELD_PORT = 17;
const SCENARIO = { providers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }] };
/** The first pause is a second; tools take their time on a busy machine. */
const PATIENCE_MS = 15_000;
/** All calls, each twice, and what follows each. */
const WALK_MS = 900_000;
/** Of the tools' calls in a reload with a new route: the last that writes ip rules. */
const UNDONE_CALL = 7;
/** More calls than any reload makes. */
const MOST_CALLS = 40;
/** What goes on in the background may be what fails: it is told as well. */
const EVENTS = ['change-failed', 'reload-failed', 'measure-failed', 'guard-failed', 'operator-failed'];

const breakage = new Breakage();
afterEach(() => breakage.heal());
afterAll(() => breakage.close());
const OPTIONS = { preload: breakage.preload, env: breakage.env, expectedEvents: EVENTS };

const SERVICES = [
  { name: 'turns', match: { tcp: 13 }, select: 'round-robin', affinity: 'none' },
  { name: 'everything', match: { tcp: 'any' }, select: 'race', affinity: 'none' },
];
const HELD = {
  name: 'held',
  match: { tcp: HELD_PORT },
  select: 'round-robin',
  affinity: { by: 'client', for: '1h' },
};
const BASE: ConfigOverrides = { services: [HELD, ...SERVICES], rest: { route: 'a' }, routes: { d: null } };

const CHANGES: readonly (readonly [string, ConfigOverrides])[] = [
  ['a new route', { ...BASE, routes: {} }],
  ['a removed route', { ...BASE, routes: { c: null, d: null } }],
  [
    'a changed service',
    {
      ...BASE,
      services: [
        HELD,
        { ...SERVICES[0], select: 'least-connections' },
        { name: 'more', match: { udp: 53 }, select: 'b' },
        SERVICES[1],
      ],
    },
  ],
  // What is measured has to be read for it, too.
  [
    'a route on a shared interface',
    {
      ...BASE,
      routes: { d: null, e: { interface: 'wan3', gateway: '203.0.3.1', addresses: '203.0.3.77' } },
    },
  ],
  ['a removed service', { ...BASE, services: SERVICES }],
];

interface Answer {
  readonly ok: boolean;
  readonly words: string;
}

async function reload(made: GatewayLab): Promise<Answer> {
  return commandControl(made.lab.controlSocket, RELOAD_PATH).then(
    () => ({ ok: true, words: '' }),
    (error: unknown) => ({ ok: false, words: String(error) }),
  );
}

/** Whether the file is what is in force. */
async function isInForce(made: GatewayLab): Promise<boolean> {
  const said = await askPreview(made.lab.controlSocket, readFileSync(made.configFile, 'utf8'));
  return (said as ReloadPreview).changes.length === 0;
}

/** What the groups of the service say; one client has one, of each family. */
async function groups(made: GatewayLab): Promise<string[]> {
  const names = (await tableObjects(made)).flatMap((object) => /^map (affinity\S+)$/.exec(object)?.[1] ?? []);
  const found = await Promise.all(names.map(async (name) => texts(await elementsOf(made, name))));
  return found.flat();
}

/** The client has its groups. */
async function joined(made: GatewayLab): Promise<string[]> {
  const targets = [NEAR, NEAR6].map((address) => ({ address, port: HELD_PORT }));
  connectMs(await made.lab.client().connect({ targets, bytes: 10 }));
  const both = await eventually(
    () => groups(made),
    ({ length }) => length === 2,
    2000,
  );
  expect(both).toHaveLength(2);
  return both;
}

describe.each(['tools', 'netlink'] as const)('a call of %s that fails', (of) => {
  test.each(CHANGES)(
    'in a reload with %s',
    async (_, changed) => {
      await withGateway(SCENARIO, OPTIONS, async (made) => {
        await made.lab.server().echo({ ports: [PORT, HELD_PORT] });
        await made.restart(BASE);
        await settledState(made);
        const whole = new Map<ConfigOverrides, string>();
        for (const config of [changed, BASE]) {
          made.rewriteConfig(config);
          expect(await reload(made)).toEqual({ ok: true, words: '' });
          whole.set(config, await settledState(made));
        }
        const counts = { walked: 0, refused: 0, late: 0 };
        const halves: string[] = [];
        let before = BASE;
        for (let n = 1, fired = true; fired && n <= MOST_CALLS; n++) {
          fired = false;
          for (const config of [changed, BASE]) {
            const had = before === BASE ? await joined(made) : [];
            made.rewriteConfig(config);
            breakage.failCall(of, n, (n % 2 === 0) === (config === BASE));
            const { ok, words } = await reload(made);
            const at = performance.now();
            const failed = breakage.disarm();
            const [now, has] = await Promise.all([daemonState(made), groups(made)]);
            // While it is tried again, a second later, it is neither.
            const isRetry = !ok && performance.now() - at > 900;
            const told = `call ${n}: ${failed}\n${words}\n${made.daemon.stderr().slice(-1500)}`;
            const should = whole.get(ok ? config : before) ?? '';
            const half = [
              ...difference(now, should),
              ...(ok || before !== BASE ? [] : difference(has.join('\n'), had.join('\n'))),
            ];
            if (isRetry) counts.late++;
            if (half.length > 0 && !isRetry) halves.push(`${half.join('\n')}\n${ok} ${told}`);
            if (failed !== null) counts.walked++;
            fired ||= failed !== null;
            if (!ok) {
              counts.refused++;
              expect(words, told).toMatch(
                /E_RELOAD_FAILED: The changed configuration could not be applied, the one before is in force/,
              );
              expect(words, told).toMatch(/Remedy: It is tried again by itself/);
            }
            // A question costs less than a look at all that there is.
            expect(await eventually(() => isInForce(made), Boolean, PATIENCE_MS), told).toBe(true);
            const end = await eventually(
              () => daemonState(made),
              (text) => text === whole.get(config),
              PATIENCE_MS,
            );
            expect(difference(end, whole.get(config) ?? ''), told).toEqual([]);
            before = config;
          }
        }
        const { walked, refused, late } = counts;
        process.stdout.write(
          `${walked} calls walked, ${refused} refused (${late} looked at too late), ${halves.length} half\n`,
        );
        // A machine that is too busy for the look has seen nothing.
        expect(late).toBeLessThan(refused / 2);
        expect(halves.join('\n\n')).toBe('');
        expect(counts.walked).toBeGreaterThan(0);
        const own = async (): Promise<string[]> =>
          (await made.status()).alarms.filter((alarm) => !alarm.startsWith('route '));
        expect(await eventually(own, (alarms) => alarms.length === 0, PATIENCE_MS)).toEqual([]);
        const targets = [NEAR, NEAR6].map((address) => ({ address, port: PORT }));
        connectMs(await made.lab.client().connect({ targets, bytes: 10 }));
        expect(made.daemon.stderr()).not.toMatch(/race-thread-ended|stopping|"broken"/);
      });
    },
    WALK_MS,
  );
});

test('a reload that keeps failing: an alarm while the one before is in force, and taken over when it works', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.restart(BASE);
    const before = await settledState(made);
    made.rewriteConfig({ ...BASE, routes: {} });
    const failing = setInterval(() => breakage.failCall('tools', 1), 1);
    let answer: Answer;
    try {
      answer = await reload(made);
      await sleep(3000);
      expect(answer.ok).toBe(false);
      const { alarms } = await made.status();
      expect(alarms.join('\n')).toMatch(/a changed configuration is not in force: .* It is tried again/);
      // Also while it is tried again.
      for (let i = 0; i < 20; i++) {
        const { routes, configuration } = await made.status();
        expect(routes.map(({ name }) => name).join()).toBe('a,b,c');
        expect(configuration?.state).toMatch(/^(?:failed|applying)$/);
        await sleep(100);
      }
      expect(await isInForce(made)).toBe(false);
    } finally {
      clearInterval(failing);
      breakage.disarm();
    }
    expect(await eventually(() => isInForce(made), Boolean, PATIENCE_MS + 15_000)).toBe(true);
    const own = async (): Promise<string[]> =>
      (await made.status()).alarms.filter((alarm) => !alarm.startsWith('route '));
    expect(await eventually(own, (left) => left.length === 0, PATIENCE_MS)).toEqual([]);
    made.rewriteConfig(BASE);
    expect((await reload(made)).ok).toBe(true);
    // What the settings of an interface were before us stays recorded, for the end.
    const left = async (): Promise<string[]> =>
      difference(await daemonState(made), before).filter((line) => !line.includes('accept comment'));
    expect(await eventually(left, (lines) => lines.length === 0, PATIENCE_MS)).toEqual([]);
  });
});

test('while a reload is on its way, and while it is undone, what is shown is what is in force', async () => {
  await withGateway(SCENARIO, OPTIONS, async (made) => {
    await made.restart(BASE);
    const shown = async (): Promise<string> => {
      const { routes, configuration } = await made.status();
      return `${routes.map(({ name, state }) => `${name} ${state}`).join()} ${configuration?.state}`;
    };
    const services = async (): Promise<string[]> =>
      (JSON.parse(await made.command('services')) as { name: string }[]).map(({ name }) => name);
    const before = 'a up,b up,c up same';
    expect(await eventually(shown, (text) => text === before, PATIENCE_MS)).toBe(before);
    for (const fails of [true, false]) {
      // The second family's rules: those of the first have to be undone.
      if (fails) breakage.failCall('tools', UNDONE_CALL);
      breakage.slowTools(0.3);
      made.rewriteConfig({ ...BASE, routes: {}, services: SERVICES });
      let answer: Answer | null = null;
      const answered = reload(made).then((said) => {
        answer = said;
      });
      const seen = new Set<string>();
      while (answer === null) {
        const [text, names] = [await shown(), await services()];
        if (answer === null) seen.add(`${text} ${names.includes('held')}`);
        await sleep(50);
      }
      await answered;
      breakage.slowTools(0);
      expect(answer).toMatchObject({ ok: !fails });
      // The file is another one from the first moment on; the rest is not.
      expect([...seen].map((text) => text.replace(/ (?:same|applying|changed) true$/, ''))).toEqual(
        [...seen].map(() => 'a up,b up,c up'),
      );
      expect([...seen].join()).toContain('applying');
      if (!fails) break;
      breakage.disarm();
      made.rewriteConfig(BASE);
      expect((await reload(made)).ok).toBe(true);
      expect(await eventually(shown, (text) => text === before, PATIENCE_MS)).toBe(before);
    }
    // The new one has to prove itself.
    expect(await shown()).toMatch(/^a up,b up,c up,d (?:up|suspect) same$/);
    expect(await services()).toEqual(['turns', 'everything']);
  });
});
