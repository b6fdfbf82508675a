/** What the kernel says of its packet queues (/proc/net/netfilter/nfnetlink_queue; nfnetlink_queue.c, seq_show). */
import { readFileSync } from 'node:fs';

export interface QueueState {
  /** Packets that wait for the daemon now. */
  readonly waiting: number;
  /** Packets that the kernel could not hand over since start. */
  readonly overflow: number;
  /** Packets handed over since start. */
  readonly total: number;
}

const NONE: QueueState = { waiting: 0, overflow: 0, total: 0 };

/** The state of one queue; zeros when nobody listens to it. */
export function readQueueState(queue: number): QueueState {
  let text: string;
  try {
    text = readFileSync('/proc/net/netfilter/nfnetlink_queue', 'utf8');
  } catch {
    return NONE;
  }
  for (const line of text.split('\n')) {
    const [number, , waiting, , , dropped, userDropped, total] = line.trim().split(/\s+/).map(Number);
    if (number === queue) return { waiting, overflow: dropped + userDropped, total };
  }
  return NONE;
}
