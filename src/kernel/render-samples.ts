/** Of a sample of raced connections the daemon hears when both sides speak for the first time (core/judge/samples.ts). Pure. */
import { makesCopies } from '../model/config.js';
import { LOGGED_BYTES } from './constants.js';
import type { DesiredState } from './desired.js';
import { hex } from './marks.js';

/** A packet without words is no longer than this, whatever options it has. */
const LONGEST_BARE = { ipv4: 80, ipv6: 100 } as const;
/** For what a client says before its server has spoken. */
const MOST_PER_SECOND = 200;

function samplesAny({ knowsLog, lan, services }: DesiredState): boolean {
  return knowsLog && lan.length > 0 && services.some(({ config }) => makesCopies(config.select.criterion));
}

/** First in `forward`: of all other flows it is this rule alone. */
export function toSamples(state: DesiredState): string[] {
  const { sample } = state.marks;
  return samplesAny(state) ? [`ct mark and ${hex(sample)} == ${hex(sample)} jump samples`] : [];
}

export function sampleChains(state: DesiredState): [string, string[]][] {
  if (!samplesAny(state)) return [];
  const { marks, queue } = state;
  const log = `log group ${queue.lan} snaplen ${LOGGED_BYTES} queue-threshold 1`;
  return [
    [
      'samples',
      [
        'meta l4proto != tcp return',
        'tcp flags & (syn|rst) != 0 return',
        'tcp flags & psh == psh goto words',
        ...(['ipv4', 'ipv6'] as const).map(
          (family) => `meta nfproto ${family} meta length > ${LONGEST_BARE[family]} goto words`,
        ),
      ],
    ],
    [
      'words',
      [
        `ct direction original limit rate ${MOST_PER_SECOND}/second burst ${MOST_PER_SECOND} packets ${log} return`,
        'ct direction original return',
        // Nothing more of it is of interest.
        `ct mark set ct mark and ${hex(~marks.sample)} ${log}`,
      ],
    ],
  ];
}
