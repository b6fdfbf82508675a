/** A path that was found narrow and is mended: larger packets are tried, and pass again; and one that is narrow for one family only. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, GatewayLab } from './support/gateway-lab.js';
import {
  ADDRESSES,
  BYTES,
  came,
  downloads,
  PORT,
  routeOf,
  SCENARIO,
  SERVICES,
  WEB,
} from './support/path-lab.js';

let made: GatewayLab;

beforeAll(async () => {
  made = await GatewayLab.start(SCENARIO, { config: { services: SERVICES }, expectedEvents: ['path-mtu'] });
  await made.lab.server('s1').nginx({ ports: WEB, bodyBytes: BYTES });
});

afterAll(async () => {
  await made?.stop();
});

const found = async (): Promise<object | undefined> => (await routeOf(made, 'b'))?.pathMtu;
const shownMss = async (): Promise<Set<number | undefined>> => {
  await made.lab.wire.reset();
  await downloads(made.lab, PORT.b);
  const syns = await made.lab.wire.trace({ provider: 'b', kind: 'syn' });
  return new Set(syns.map(({ mss }) => mss));
};

test.each([1492, 1300])(
  '%i bytes: lowered, and raised when the path is mended',
  async (path) => {
    const { lab } = made;
    const whole = ADDRESSES.map(() => true);
    await lab.link('b').set({ pathMtu: path, pathMtuSilent: true });
    const hanging = downloads(lab, PORT.b, 6);
    const both = { ipv4: path, ipv6: path };
    expect(await eventually(found, (one) => JSON.stringify(one) === JSON.stringify(both), 40_000)).toEqual(
      both,
    );
    expect(came(await hanging)).not.toContain(true);
    expect(came(await downloads(lab, PORT.b))).toEqual(whole);
    expect(await shownMss()).toEqual(new Set([path - 40, path - 60]));
    await lab.link('b').set({ pathMtu: 0 });
    // Half a minute after it was found, one minute after that, and so on; for the second path what was found of the first counts.
    expect(await eventually(found, (one) => one === undefined, 150_000)).toBeUndefined();
    expect(made.daemon.stderr()).toContain(
      'route b: IPv4 packets of 1500 bytes pass again; MSS raised to 1460',
    );
    expect(await shownMss()).toEqual(new Set([1460, 1440]));
    expect(came(await downloads(lab, PORT.b))).toEqual(whole);
  },
  260_000,
);
