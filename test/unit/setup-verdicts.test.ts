/** Verdicts on set-ups that go on, by where they were queued: what has been routed before it was marked comes back to its chain. */
import { describe, expect, it } from 'vitest';
import { marksOf } from '../../src/kernel/marks.js';
import type { Queue } from '../../src/kernel/queue.js';
import { SetupVerdicts } from '../../src/kernel/setup-verdicts.js';
import { HOOK } from '../../src/wire/netlink/nfqueue.js';

const marks = marksOf(0xff0000ff);
const ROUTE = 0x02000000;
const SERVICE = 3;
const CHOSEN = (ROUTE | SERVICE | marks.chosen) >>> 0;
const ASKED = (ROUTE | SERVICE | marks.ask) >>> 0;

function letGo(hook: number, mark: number): string {
  let said = '';
  const queue = {
    accept: (id: number) => (said = `${id} accepted`),
    repeat: (id: number, by: number) => (said = `${id} again with ${(by >>> 0).toString(16)}`),
  } as unknown as Queue;
  const verdicts = new SetupVerdicts(queue, marks, 8);
  verdicts.note(4, CHOSEN, HOOK.LOCAL_OUT);
  verdicts.note(5, mark, hook);
  verdicts.letGo(5);
  return said;
}

const judged = (mark: number): string => `5 again with ${((mark | marks.judged) >>> 0).toString(16)}`;

describe('a set-up that goes on as the rules have marked it', () => {
  it.each([
    ['from the LAN, before it is routed: as it is', HOOK.PRE_ROUTING, CHOSEN, '5 accepted'],
    // The kernel routes anew what leaves a chain of output with another mark, and that alone.
    [
      'of the gateway itself, in output: its chain routes it by its mark',
      HOOK.LOCAL_OUT,
      CHOSEN,
      judged(CHOSEN),
    ],
    ['asked about in forward', HOOK.FORWARD, ASKED, judged(ROUTE | SERVICE)],
    ['asked about in postrouting', HOOK.POST_ROUTING, ASKED, judged(ROUTE | SERVICE)],
  ])('%s', (_, hook, mark, said) => {
    expect(letGo(hook, mark)).toBe(said);
  });
});
