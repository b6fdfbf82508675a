/** Packets that wait until the kernel has heard what they say. */
import { describe, expect, it } from 'vitest';
import { HeldPackets } from '../../src/kernel/held-packets.js';
import type { Queue } from '../../src/kernel/queue.js';

function made() {
  const accepted: number[] = [];
  const caught: unknown[] = [];
  let flushes = 0;
  const idles: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const kernel = { idle: () => new Promise<void>((resolve, reject) => idles.push({ resolve, reject })) };
  const queue = {
    isClosed: false,
    accept: (id: number) => accepted.push(id),
    flush: () => flushes++,
  } as unknown as Queue & { isClosed: boolean };
  const boundary = { caught: (what: string, error: unknown) => void caught.push([what, error]) };
  const held = new HeldPackets(kernel, boundary as never, 'a test');
  const tick = () => new Promise((done) => setImmediate(done));
  return { accepted, caught, idles, queue, held, tick, flushed: () => flushes };
}

describe('a held packet', () => {
  it('goes on when the kernel is idle, and not before', async () => {
    const { accepted, idles, queue, held, tick, flushed } = made();
    held.hold(queue, 7);
    await tick();
    expect([accepted, flushed()]).toEqual([[], 0]);
    idles[0].resolve();
    await tick();
    expect([accepted, flushed()]).toEqual([[7], 1]);
  });

  it('is one of 128 at most: the next goes on at once, and one more has room when one is gone', async () => {
    const { accepted, idles, queue, held, tick } = made();
    for (let id = 0; id < 129; id++) held.hold(queue, id);
    expect(accepted).toEqual([128]);
    idles[0].resolve();
    await tick();
    held.hold(queue, 200);
    expect(accepted).toEqual([128, 0]);
  });

  it('is nobody’s whose queue has been closed, and an error is told', async () => {
    const { accepted, caught, idles, queue, held, tick } = made();
    held.hold(queue, 1);
    held.hold(queue, 2);
    idles[1].reject(new Error('gone'));
    queue.isClosed = true;
    idles[0].resolve();
    await tick();
    expect(accepted).toEqual([]);
    expect(caught).toEqual([['a test', new Error('gone')]]);
  });
});
