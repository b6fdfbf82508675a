/** The conformance suite, on the simulator. */
import { describe, expect, test } from 'vitest';
import { check, run } from '../conformance/run.js';
import { SUITE } from '../conformance/suite.js';
import { SimSubject } from './conformance-subject.js';

for (const [topic, cases] of Object.entries(SUITE)) {
  describe(topic, () => {
    for (const each of cases) {
      for (const family of each.families ?? ['ipv4']) {
        if (each.notOn?.simulator !== undefined) continue;
        test(`${each.name}, ${family}`, async () => {
          check(each, await run(new SimSubject(each.site), each, family));
        });
      }
    }
  });
}

/** The simulator models connections through the gateway, and not what the kernel itself says to others. */
test('all but a few of the cases can be run on the simulator, and those say why', () => {
  const left = Object.values(SUITE)
    .flat()
    .flatMap(({ name, notOn }) => (notOn?.simulator === undefined ? [] : [[name, notOn.simulator]]));
  expect(left.length).toBeLessThanOrEqual(2);
  for (const [, why] of left) expect(why).toMatch(/\w+ \w+ \w+/);
});
