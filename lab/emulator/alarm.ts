/** A timer with the kernel's resolution: Node's own go by whole milliseconds. */
import { allocate, errno, errnoName, watchReadable } from '../../src/kernel/ffi.js';
import { calls } from './system-calls.js';

const CLOCK_MONOTONIC = 1;
const TFD_NONBLOCK = 0o4000;
const TFD_TIMER_ABSTIME = 1;

/** Calls back at a moment of the monotonic clock; a new moment replaces the old one. */
export interface Alarm {
  /** Monotonic microseconds; Infinity for never. */
  set(at: number): void;
}

export function alarm(onDue: () => void): Alarm {
  const fd = calls.timerfdCreate(CLOCK_MONOTONIC, TFD_NONBLOCK);
  if (fd < 0) throw new Error(`timerfd: ${errnoName(errno())}`);
  const expirations = allocate(8);
  const setting = allocate(32); // struct itimerspec: the interval stays zero, the value is behind it
  let current = Number.POSITIVE_INFINITY;
  watchReadable(fd, () => {
    if (calls.read(fd, expirations.address, 8) !== 8) return;
    current = Number.POSITIVE_INFINITY;
    onDue();
  });
  return {
    set(at: number): void {
      if (at === current) return;
      current = at;
      const never = at === Number.POSITIVE_INFINITY;
      const seconds = never ? 0 : Math.floor(at / 1e6);
      setting.view.setUint32(16, seconds, true);
      setting.view.setUint32(24, never ? 0 : Math.max(1, Math.floor((at - seconds * 1e6) * 1000)), true);
      calls.timerfdSettime(fd, TFD_TIMER_ABSTIME, setting.address, 0);
    },
  };
}
