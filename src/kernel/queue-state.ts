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
  for (const [number, , waiting, , , dropped, userDropped, total] of readQueues())
    if (number === queue) return { waiting, overflow: dropped + userDropped, total };
  return NONE;
}

/** Whether somebody listens to a queue. False also for those who may not know. */
export function isQueueBound(queue: number): boolean {
  return readQueues().some(([number]) => number === queue);
}

function readQueues(): number[][] {
  try {
    const text = readFileSync('/proc/net/netfilter/nfnetlink_queue', 'utf8').trim();
    return text === '' ? [] : text.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  } catch {
    return [];
  }
}
