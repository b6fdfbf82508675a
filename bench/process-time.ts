/** CPU time and memory of a process, from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc (USER_HZ), 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User time of all threads so far, microseconds; steps of 10 ms. */
export function userMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) / TICKS_PER_SECOND) * 1e6;
}

/** Time in user and kernel mode so far of one thread, or of all (null), microseconds; steps of 10 ms. */
export function threadMicros(pid: number, thread: number | null): number {
  const threads = thread === null ? readdirSync(`/proc/${pid}/task`).map(Number) : [thread];
  let ticks = 0;
  for (const one of threads) {
    const fields = readFileSync(`/proc/${pid}/task/${one}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** The same of programs that it has run and that have ended, microseconds. */
export function childMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return ((Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND) * 1e6;
}

/** Resident memory, bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
