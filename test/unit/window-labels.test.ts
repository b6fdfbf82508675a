/** Labels that say by how much the windows of a connection are shifted: what is written and what the rules look at are the same. */
import { describe, expect, it } from 'vitest';
import { tcpOpening } from '../../src/core/protocols/tcp-opening.js';
import { renderNft } from '../../src/kernel/render.js';
import { MOST_SHIFT, windowLabel, withWindowLabels } from '../../src/wire/netlink/window-labels.js';
import { STATES } from '../golden/states.js';

const SHIFTS = Array.from({ length: 2 * MOST_SHIFT + 1 }, (_, i) => i - MOST_SHIFT);
const bitsOf = (labels: Uint8Array | null): number[] =>
  Array.from({ length: 128 }, (_, bit) => bit).filter(
    (bit) => ((labels?.[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0,
  );

describe('window labels', () => {
  it('are one for each shift of each direction', () => {
    const all = (['reply', 'original'] as const).flatMap((direction) =>
      SHIFTS.filter((shift) => shift !== 0).map((shift) => windowLabel(direction, shift)),
    );
    expect(new Set(all).size).toBe(4 * MOST_SHIFT);
    expect([Math.min(...all), Math.max(...all)]).toEqual([128 - 4 * MOST_SHIFT, 127]);
  });

  it('keep what an entry has', () => {
    const labels = new Uint8Array(16);
    labels[0] = 1;
    const helper = Uint8Array.of(102);
    const made = withWindowLabels({ helper, labels }, { reply: 3, original: -7 });
    expect(bitsOf(made.labels)).toEqual([0, windowLabel('reply', 3), windowLabel('original', -7)]);
    expect(made.helper).toBe(helper);
    expect(bitsOf(withWindowLabels(null, { reply: 0, original: 0 }).labels)).toEqual([]);
  });

  it('have a rule each, that shifts by as much', () => {
    const text = renderNft(STATES['first-payload']);
    for (const direction of ['reply', 'original'] as const)
      for (const shift of SHIFTS.filter((one) => one !== 0)) {
        const how = shift > 0 ? `<< ${shift}` : `>> ${-shift}`;
        expect(text).toContain(
          `windows_${direction} ct label ${windowLabel(direction, shift)} tcp window set tcp window ${how} return`,
        );
      }
  });
});

describe('shifts of a client and two servers', () => {
  /** What a side means by a window field. */
  const meant = (field: number, scale: number): number => field * 2 ** Math.max(0, scale);

  it('keep what is meant, in both directions, whoever has a scale', () => {
    const scales = [-1, 0, 2, 7, 14];
    for (const client of scales)
      for (const shown of client < 0 ? [-1] : scales)
        for (const own of client < 0 ? [-1] : scales) {
          const { reply, original } = tcpOpening.shifts(client, shown, own);
          const context = `${client} ${shown} ${own}`;
          // From the server: it means by its own scale, the client reads by the shown one.
          const field = 2 ** 14;
          expect(meant(field * 2 ** reply, shown), context).toBe(meant(field, own));
          // From the client: it scales when the answer that it was shown had a scale, the server when its own had.
          const said = shown < 0 ? -1 : client;
          const read = own < 0 ? -1 : client;
          expect(meant(field * 2 ** original, read), context).toBe(meant(field, said));
        }
  });
});
