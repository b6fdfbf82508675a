/** The conformance suite, on the real kernel. Sites that differ only in their links share a lab. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Case } from '../conformance/case.js';
import { check, run } from '../conformance/run.js';
import { SUITE } from '../conformance/suite.js';
import { LabSubject, labKey } from './support/conformance-subject.js';

// BOUNDED: sites of the suite.
const bySite = new Map<string, Case[]>();
for (const each of Object.values(SUITE).flat()) {
  const key = labKey(each.site);
  bySite.set(key, [...(bySite.get(key) ?? []), each]);
}

for (const cases of bySite.values()) {
  const [first] = cases as [Case];
  describe(`on the site of: ${first.name}`, () => {
    let subject: LabSubject;

    beforeAll(async () => {
      subject = await LabSubject.start(first.site);
    });

    afterAll(async () => {
      await subject?.stop();
    });

    for (const each of cases) {
      for (const family of each.families ?? ['ipv4']) {
        if (each.notOn?.kernel !== undefined) continue;
        test(`${each.name}, ${family}`, async () => {
          await subject.prepare(each.site);
          check(each, await run(subject, each, family));
        });
      }
    }
  });
}
