/** What `why` says, and to whom: the order of what happened, connections that the kernel alone knows, and the ways to ask. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ControlBackend, Decision, WhyQuery } from '../../src/api/contract.js';
import { startControl } from '../../src/api/server.js';
import { meaningOf } from '../../src/api/words/decisions.js';
import { findDestination } from '../../src/cli/destination.js';
import { renderWhy } from '../../src/cli/why.js';
import { openReason } from '../../src/daemon/why-report.js';
import { marksOf, routeMark, serviceMark } from '../../src/kernel/marks.js';
import { parseAddress } from '../../src/model/address.js';
import type { ServiceConfig } from '../../src/model/config.js';
import { PathraceError } from '../../src/model/errors.js';
import { OPEN_REASONS } from '../../src/model/reasons.js';
import { config } from '../golden/states.js';
import { plain, runCommand } from './cli-tools.js';

const RACE: Decision = {
  time: '2024-03-01T02:59:07.123Z',
  by: 'race',
  protocol: 'tcp',
  client: '192.0.2.10:40001',
  destination: '198.51.100.7:443',
  service: 'web',
  route: 'fiber',
  criterion: 'race',
  reasons: ['first-reply'],
  routes: [],
};
const page = (decision: Partial<Decision>, names?: ReadonlyMap<string, string>) =>
  renderWhy('x', [{ ...RACE, ...decision }], plain, names === undefined ? {} : { names });

describe('a race', () => {
  it('explains why a shorter time has not won: it was sent later', () => {
    const routes = [
      { route: 'cable', rttMicros: 17_000, answer: 'syn-ack', sentMicros: 75_000, answeredMicros: 92_000 },
      { route: 'fiber', rttMicros: 84_900, answer: 'syn-ack', sentMicros: 0, answeredMicros: 84_900 },
      { route: 'lte', answer: 'waited', sentMicros: 500_000 },
    ];
    expect(page({ routes })).toBe(`\
2024-03-01 02:59:07.123 UTC  192.0.2.10:40001 -> 198.51.100.7:443
  went by fiber: the first to answer (service web; race, first-reply)
 >  fiber  sent +0.00 ms  84.9 ms  syn-ack: accepted; carries it
    cable  sent +75.0 ms  17.0 ms  syn-ack: accepted at +92.0 ms; staggered: it
                                   was to be asked only if others took long
    lte      due +500 ms        -  waited: not asked, as the race was over
                                   before its turn
`);
  });

  it('or was not the server, or its words came later', () => {
    const attempts = [
      { route: 'a', rttMicros: 900, answer: 'syn-ack', answeredMicros: 900, intercepted: true as const },
      { route: 'b', rttMicros: 20_000, answer: 'syn-ack', answeredMicros: 20_000 },
    ];
    const text = page({ route: 'b', reasons: ['first-payload'], routes: attempts });
    expect(text).toContain('intercepted: not the server’s own answer');
    expect(text).toContain('carries it; its server’s words came first');
    expect(text).not.toContain('the first of those that could win');
  });

  it('or was on trial, and answered first all the same', () => {
    const routes = [
      { route: 'fiber', rttMicros: 84_900, answer: 'syn-ack', sentMicros: 0, answeredMicros: 84_900 },
      {
        route: 'cable',
        rttMicros: 17_000,
        answer: 'syn-ack',
        sentMicros: 0,
        answeredMicros: 17_000,
        trial: true as const,
      },
    ];
    const text = page({ routes }).replace(/\s+/g, ' ');
    expect(text).toContain('carries it; the first of those that could win');
    expect(text).toContain('on trial: measured, cannot win');
  });

  it('or had been given to the kernel’s choice before', () => {
    const routes = [
      {
        route: 'fiber',
        rttMicros: 12_000,
        answer: 'syn-ack',
        sentMicros: 0,
        answeredMicros: 12_000,
        copies: 2,
      },
      { route: 'cable', answer: 'silence', sentMicros: -1_003_000 },
    ];
    const text = page({ routes, reasons: ['rescued'] }).replace(/\s+/g, ' ');
    expect(text).toMatch(
      /rescued from cable, which did not answer .* cable sent -1003 ms - silence: no answer; the kernel had given it this route before .* 2 copies/,
    );
  });
});

describe('a connection that the kernel alone knows', () => {
  const open: Partial<Decision> = { by: 'kernel', open: true, criterion: 'round-robin', routes: [] };

  it('is open now, by its route, and says how it came to it', () => {
    expect(page({ ...open, reasons: ['criterion'] })).toBe(`\
open now  192.0.2.10:40001 -> 198.51.100.7:443
  goes by fiber: chosen in turn (service web; round-robin, criterion)
`);
    expect(page({ ...open, reasons: ['group-or-criterion'] })).toContain(
      'chosen in turn, or to stay with its group',
    );
    expect(page({ ...open, protocol: 'icmp', destination: '198.51.100.7' })).toContain(
      '-> 198.51.100.7 (icmp)',
    );
  });

  it('has words for every reason', () => {
    for (const reason of OPEN_REASONS) expect([reason, meaningOf(reason)]).not.toEqual([reason, reason]);
  });

  it('has the name that was asked for', () => {
    const names = new Map([
      ['198.51.100.7', 'bank.example'],
      ['2001:db8::7', 'bank.example'],
    ]);
    expect(page(open, names)).toContain('-> bank.example 198.51.100.7:443');
    expect(page({ ...open, destination: '[2001:db8::7]:443' }, names)).toContain(
      '-> bank.example [2001:db8::7]:443',
    );
  });
});

describe('the mark of an open connection', () => {
  const parsed = config(`
lan: [lan0]
routes: { a: { interface: wan1 }, b: { interface: wan2 } }
services:
  - { name: raced, match: { tcp: 1 }, select: race, affinity: none }
  - { name: grouped, match: { tcp: 2 }, select: race }
  - { name: turns, match: { tcp: 3 }, select: round-robin, affinity: none }
  - { name: turns-grouped, match: { tcp: 4 }, select: round-robin }
  - { name: named, match: { tcp: 5 }, select: b }
  - { name: left, match: { tcp: 6 }, select: rest }
  - { name: single, match: { tcp: 7 }, select: { criterion: priority, routes: [a] }, affinity: none }
rest: { route: a }
`);
  const marks = marksOf(parsed.kernel.mark);
  const service = (name: string): ServiceConfig => parsed.services.find((one) => one.name === name)!;
  const base = (routeMark(marks, 2) | serviceMark(marks, 1) | marks.chosen) >>> 0;
  const kernel = (base | marks.rescuable) >>> 0;
  const flow = { protocol: 6, destination: parseAddress('198.51.100.7')!, destinationPort: 443 };
  const reasonOf = (mark: number, of: ServiceConfig | undefined, more: object = {}, never: string[] = []) =>
    openReason({ ...flow, ...more, mark }, marks, of, never);

  it.each([
    ['raced', kernel, 'remembered'],
    ['raced', base, 'raced-before'],
    ['grouped', kernel, 'group-or-remembered'],
    ['turns', kernel, 'criterion'],
    ['turns', base, 'chosen-before'],
    ['turns-grouped', kernel, 'group-or-criterion'],
    ['named', base, 'fixed'],
    ['left', base, 'rest'],
    ['single', base, 'criterion'],
    ['raced', routeMark(marks, 2), 'main-table'],
    ['raced', (marks.apart | routeMark(marks, 2) | marks.chosen) >>> 0, 'came-by-it'],
  ] as const)('of the service %s (%i) says %s', (name, mark, reason) => {
    expect(reasonOf(mark, service(name))).toBe(reason);
  });

  it('of no service is the rest’s', () => {
    expect(reasonOf((routeMark(marks, 2) | marks.chosen) >>> 0, undefined)).toBe('rest');
  });

  it.each([
    [17, 500, 'tunnel'],
    [17, 4500, 'tunnel'],
    [50, 0, 'tunnel'],
    [47, 0, 'tunnel'],
    [51, 0, 'tunnel'],
    [17, 501, 'remembered'],
    [6, 1723, 'remembered'],
    [1, 0, 'remembered'],
  ])('of protocol %i, port %i says %s', (protocol, destinationPort, reason) => {
    expect(reasonOf(kernel, service('raced'), { protocol, destinationPort })).toBe(reason);
    expect(reasonOf(kernel, service('named'), { protocol, destinationPort })).toBe('fixed');
    const rest = reason === 'tunnel' ? 'tunnel' : 'rest';
    expect(reasonOf(base, undefined, { protocol, destinationPort })).toBe(rest);
  });

  it('to what is never raced says so, of a service that races', () => {
    const never = ['198.51.100.0/24'];
    expect(reasonOf(kernel, service('raced'), {}, never)).toBe('never-raced');
    expect(reasonOf(kernel, service('grouped'), {}, never)).toBe('never-raced');
    expect(reasonOf(kernel, service('turns'), {}, never)).toBe('criterion');
    expect(reasonOf(kernel, service('raced'), {}, ['192.0.2.0/24'])).toBe('remembered');
  });
});

describe('asking', () => {
  let folder: string;
  let control: string;
  let asked: WhyQuery[] = [];
  let answer: (query: WhyQuery) => readonly Decision[] = () => [];
  let close: () => Promise<void>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pathrace-why-'));
    control = join(folder, 'control.sock');
    const why: ControlBackend['why'] = async (query) => {
      asked.push(query);
      return answer(query);
    };
    const started = await startControl(control, { why } as ControlBackend);
    close = () => started.close();
  });

  afterAll(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach(() => {
    asked = [];
    answer = () => [];
  });

  const why = (...args: string[]) => runCommand(['why', '--control', control, ...args]);

  it.each([
    [[], {}],
    [['198.51.100.7:443'], { address: '198.51.100.7', port: 443 }],
    [['--client', '192.0.2.1', '--limit', '7'], { client: '192.0.2.1', limit: 7 }],
    [['--route', 'fiber', '--service', 'web'], { route: 'fiber', service: 'web' }],
    [['2001:DB8::1', '--client', '2001:db8::2'], { address: '2001:db8::1', client: '2001:db8::2' }],
  ])('%j', async (args, query) => {
    expect((await why(...args)).code).toBe(0);
    expect(asked).toEqual([query]);
  });

  it('says what was not found, and that without a question open connections are not looked at', async () => {
    expect((await why('--client', '192.0.2.1', '--route', 'fiber')).out).toContain(
      'Nothing is known of client 192.0.2.1, route fiber:',
    );
    expect((await why()).out).toBe(
      'No decision is remembered yet. Name an address, --client, --route or --service\nto see connections that are open.\n',
    );
  });

  it('for a name asks for each of its addresses', async () => {
    const { addresses } = await findDestination('localhost');
    expect(addresses.length).toBeGreaterThan(0);
    answer = ({ address }) => [
      { ...RACE, destination: `${address?.includes(':') ? `[${address}]` : address}:443` },
    ];
    const { out } = await why('localhost:443');
    expect(asked.map(({ address }) => address).sort()).toEqual([...addresses].sort());
    expect(out.match(/-> localhost /g)).toHaveLength(addresses.length);
  });

  it.each([
    [['exam ple']],
    [['example..org']],
    [['-x.example']],
    [['1.2.3']],
    [['a:b:c:443']],
    [['--limit', '0']],
    [['--limit', '501']],
    [['--client', '1.2.3.4/8']],
    [['--route', 'a b']],
    [['--service', '']],
  ])('%j is wrong usage, and asks nobody', async (args) => {
    expect((await why(...args)).code).toBe(2);
    expect(asked).toEqual([]);
  });

  it('names the nearest of a wrong route', async () => {
    const { unknownName } = await import('../../src/config/vocabulary.js');
    answer = ({ route }) => {
      throw unknownName('route', route ?? '', ['fiber', 'cable']);
    };
    expect((await why('--route', 'fibre')).err).toContain('did you mean fiber?');
  });

  it('--follow goes on when the gateway is away for a moment', async () => {
    answer = () => {
      if (asked.length === 2) throw new PathraceError('E_CONTROL_BUSY', 'The gateway is still starting.');
      return asked.length === 3 ? [RACE] : [];
    };
    const interrupted = async (): Promise<void> => {
      while (asked.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const { code, out } = await runCommand(['why', '--follow', '--control', control], {}, { interrupted });
    expect([code, out.match(/E_CONTROL_BUSY|went by fiber/g)]).toEqual([
      0,
      ['E_CONTROL_BUSY', 'went by fiber'],
    ]);
  });

  it('--follow prints what comes, each once, the oldest first, until Ctrl-C', async () => {
    const at = (second: number): Decision => ({ ...RACE, time: `2024-03-01T02:59:0${second}.000Z` });
    const open: Decision = { ...RACE, by: 'kernel', client: '192.0.2.9:1', open: true };
    answer = () => [
      { ...open, time: new Date().toISOString() },
      ...(asked.length === 1 ? [at(2), at(1)] : [at(3), at(2)]),
    ];
    const interrupted = async (): Promise<void> => {
      while (asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const { code, out } = await runCommand(['why', '--follow', '--control', control], {}, { interrupted });
    expect(code).toBe(0);
    expect(out.match(/^(?:open now|2024\S* \S*)/gm)).toEqual([
      '2024-03-01 02:59:01.000',
      '2024-03-01 02:59:02.000',
      'open now',
      '2024-03-01 02:59:03.000',
    ]);
  });
});
