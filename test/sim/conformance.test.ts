/** The conformance suite, on the simulator. */
import { describe, test } from 'vitest';
import { check, run } from '../conformance/run.js';
import { SUITE } from '../conformance/suite.js';
import { SimSubject } from './conformance-subject.js';

for (const [topic, cases] of Object.entries(SUITE)) {
  describe(topic, () => {
    for (const each of cases) {
      for (const family of each.families ?? ['ipv4']) {
        test.skipIf(each.notOn?.simulator !== undefined)(`${each.name}, ${family}`, async () => {
          check(each, await run(new SimSubject(each.site), each, family));
        });
      }
    }
  });
}
