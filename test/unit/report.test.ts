/** The state of a route in one word with its reasons, and what of it is an alarm. */
import { describe, expect, it } from 'vitest';
import type { RouteStatus } from '../../src/api/contract.js';
import type { GatewayState } from '../../src/daemon/gateway-state.js';
import { alarmsOf, stateOf } from '../../src/daemon/report.js';

const LANE = {
  state: 'up',
  reason: 'answered',
  sinceMs: 1,
  generation: 1,
  interim: 1,
  missed: false,
} as const;
const SUSPECT = { ...LANE, state: 'suspect', reason: 'silent' } as const;
const DOWN = { ...LANE, state: 'down', reason: 'checks-failed' } as const;
const FAMILY = { addresses: ['203.0.1.2'], gateway: null };

interface Given {
  readonly four?: object;
  readonly six?: object;
  readonly route?: object;
  readonly admin?: string;
  readonly effective?: string;
  readonly spent?: boolean;
}

function stateWith({
  four = LANE,
  six = LANE,
  route = {},
  admin = 'enabled',
  effective = admin,
  spent,
}: Given) {
  const one = {
    number: 1,
    config: { name: 'a' },
    state: 'up',
    reasons: [],
    ipv4: FAMILY,
    ipv6: FAMILY,
    ...route,
  };
  const gateway = {
    startedAt: 0,
    routes: [one],
    health: [{ route: 1, 4: four, 6: six }],
    commands: { of: () => admin, since: () => 7 },
    adminOf: () => effective,
    isSpent: () => spent === true,
  };
  const { state, reasons } = stateOf(gateway as unknown as GatewayState, 'a');
  return [state, ...reasons].join(' ');
}

describe('the state of a route', () => {
  it.each<[string, Given, string]>([
    ['both families are well', {}, 'up'],
    ['one family is not', { six: SUSPECT }, 'suspect ipv6-silent'],
    ['one family is down', { four: DOWN }, 'suspect ipv4-checks-failed'],
    ['both are down', { four: DOWN, six: DOWN }, 'down ipv4-checks-failed ipv6-checks-failed'],
    ['it has one family', { four: SUSPECT, route: { ipv6: null } }, 'suspect silent'],
    ['it has lost one', { route: { ipv6: null, reasons: ['ipv6-no-address'] } }, 'suspect ipv6-no-address'],
    [
      'it has lost one, and the other is down',
      { four: DOWN, route: { ipv6: null, reasons: ['ipv6-no-address'] } },
      'down ipv6-no-address checks-failed',
    ],
    [
      'its interface is not there',
      { route: { state: 'down', reasons: ['interface-missing'] } },
      'down interface-missing',
    ],
    ['it is drained', { admin: 'draining' }, 'draining by-command'],
    [
      'it is drained without a link',
      { admin: 'draining', route: { state: 'down', reasons: ['no-carrier'] } },
      'down no-carrier',
    ],
    ['its quota keeps it down', { effective: 'disabled' }, 'down quota'],
    ['its quota makes it a last resort', { spent: true }, 'up quota'],
  ])('when %s', (_, given, expected) => {
    expect(stateWith(given)).toBe(expected);
  });
});

function status(name: string, change: Partial<RouteStatus> = {}): RouteStatus {
  const quota = { used: 0, bytes: null, zone: 'Europe/Berlin', spent: false };
  return { name, interface: 'wan1', state: 'up', reasons: [], quota, ...change } as RouteStatus;
}
const alarms = (routes: readonly RouteStatus[], optional = false, caught = 0): string[] =>
  alarmsOf(routes, { routes: [{ name: 'a', optional }] } as never, { broken: 0 }, caught);

describe('an alarm', () => {
  it('is a route that is not well, with why', () => {
    expect(alarms([status('a', { state: 'suspect', reasons: ['silent'] }), status('b')])).toEqual([
      'route a is suspect (silent)',
    ]);
    expect(alarms([status('a', { state: 'draining', reasons: ['by-command'] }), status('b')])).toEqual([]);
  });

  it('is an interface that is missing, unless that may be', () => {
    const missing = [status('a', { state: 'down', reasons: ['interface-missing'] }), status('b')];
    expect(alarms(missing)).toEqual([
      'route a is down (interface-missing): there is no interface wan1; it is taken in when it appears',
    ]);
    expect(alarms(missing, true)).toEqual([]);
  });

  it('is that no route is up, above all', () => {
    const gone = status('a', { state: 'down', reasons: ['no-carrier'] });
    expect(alarms([gone])).toEqual(['no route is up', 'route a is down (no-carrier)']);
  });

  it('is a quota that is used up, with the day on which it is renewed in the zone of the bill', () => {
    const quota = {
      used: 5,
      bytes: 5,
      zone: 'Europe/Berlin',
      spent: true,
      action: 'last-resort',
      day: 12,
    } as const;
    expect(
      alarms([status('a', { quota: { ...quota, until: '2026-12-11T23:00:00.000Z' } }), status('b')]),
    ).toEqual(['route a has used up its quota and is a last resort, until 2026-12-12 00:00 Europe/Berlin']);
    expect(alarms([status('a', { quota }), status('b')])[0]).toMatch(/the date is not known$/);
  });

  it('is an error of ours', () => {
    expect(alarms([status('a')], false, 2)[0]).toMatch(/a bug inside Pathrace was caught 2 times/);
  });
});
