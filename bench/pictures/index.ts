/** The pictures of the documentation, each made of a run of our own code; `npm run docs` writes them, a test compares. */
import { criterionChart } from './chart.js';
import { SHOWN } from './criteria.js';
import { datagramSequence, payloadSequence } from './engine-sequences.js';
import { raceSequence, rescueSequence } from './races.js';
import { sequencePicture } from './sequence.js';

/** Text of each by its path. */
export const PICTURES: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(
    Object.entries(SHOWN).map(([name, shown]) => [
      `docs/pictures/criterion-${name}.svg`,
      () => criterionChart(name === 'fixed' ? 'one route' : name, shown),
    ]),
  ),
  'docs/pictures/packets-race.svg': () => sequencePicture(raceSequence()),
  'docs/pictures/packets-rescue.svg': () => sequencePicture(rescueSequence()),
  'docs/pictures/packets-datagrams.svg': () => sequencePicture(datagramSequence()),
  'docs/pictures/packets-first-payload.svg': () => sequencePicture(payloadSequence()),
};
