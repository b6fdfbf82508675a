/** Words that commands and page share: every reason and every alarm says something to a person. */
import { expect, test } from 'vitest';
import { ROUTE_REASONS } from '../../src/api/counters.js';
import { remedyOf } from '../../src/api/words/alarms.js';
import { routeReasonsText, routeReasonText } from '../../src/api/words/routes.js';

test('a reason of a route is a sentence, with its family where only that is meant', () => {
  for (const [reason, meaning] of Object.entries(ROUTE_REASONS)) {
    expect(routeReasonText(reason)).toBe(meaning);
    expect(routeReasonText(`ipv6-${reason}`)).toBe(`IPv6: ${meaning}`);
  }
  expect(routeReasonText('quota')).toBe('its quota is used up');
  expect(routeReasonText('ipv4-of-a-newer-gateway')).toBe('IPv4: of-a-newer-gateway');
  expect(routeReasonText('toString')).toBe('toString');
});

test('a reason that both families have is said once', () => {
  const [one, other] = Object.keys(ROUTE_REASONS) as [string, string];
  const [words, otherWords] = [routeReasonText(one), routeReasonText(other)];
  expect(routeReasonsText([`ipv4-${one}`, `ipv6-${one}`])).toBe(words);
  expect(routeReasonsText([`ipv4-${one}`, `ipv6-${other}`])).toBe(`IPv4: ${words}; IPv6: ${otherWords}`);
  expect(routeReasonsText(['quota', `ipv6-${one}`])).toBe(`its quota is used up; IPv6: ${words}`);
});

/** As the daemon says them. */
const ALARMS: readonly (readonly [string, RegExp])[] = [
  ['no route is up', /power/],
  ['route cable is down (silent)', /Nothing is lost/],
  ['route cable is suspect (ipv6-silent)', /Nothing is lost/],
  ['route cable is suspect (returned)', /^Nothing: it is back/],
  ['route cable is down (no-carrier)', /cable/],
  [
    'route cable is down (interface-missing): there is no interface wan1; it is taken in when it appears',
    /Plug/,
  ],
  ['route cable is down (ipv4-no-gateway)', /DHCP/],
  ['route cable is suspect (checks-failed)', /targets/],
  ['route cable has used up its quota, until 2026-12-01 00:00 UTC', /quota/],
  ['route cable uses 91 % of its ports towards 198.51.100.7:443 (192.168.1.20 has 9000)', /addresses/],
  ['route cable has no port left towards 198.51.100.7:443: new connections to it fail (…)', /addresses/],
  ['a bug inside Pathrace was caught 2 times, the log says where: please report it', /report/],
  ['the race thread has ended 1 times and was started again', /report/],
  ['a changed configuration is not in force: nft refused it. It is tried again', /reload/],
  ['somebody else removes our ip rules or routes again and again: they are put back every 5 s', /program/],
  ['no connection of IPv4 is raced: the rule of yours in table ip mine may apply to each', /doctor/],
  ['the API does not listen at 127.0.0.1:8088: EADDRINUSE', /api\.listen/],
];

test.each(ALARMS)('%s', (alarm, remedy) => {
  expect(remedyOf(alarm)).toMatch(remedy);
});

test('an alarm that nobody has thought of leads to where more is said', () => {
  expect(remedyOf('the moon is blue')).toContain('doctor');
});
