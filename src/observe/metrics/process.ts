/** Metrics of the daemon itself. */
import type { Metric } from './metric.js';
import { addAll } from './races.js';

export const PROCESS_METRICS: readonly Metric[] = [
  {
    name: 'pathrace_build_info',
    type: 'gauge',
    help: 'Always 1; its label says what runs.',
    labels: ['version'],
    read: ({ version }, add) => add(1, version),
  },
  {
    name: 'pathrace_uptime_seconds',
    type: 'gauge',
    help: 'Time since the start of the gateway.',
    labels: [],
    read: ({ uptimeSeconds }, add) => add(uptimeSeconds),
  },
  {
    name: 'pathrace_alarms',
    type: 'gauge',
    help: 'What an operator should look at; the words are those of pathrace status.',
    labels: [],
    read: ({ alarms }, add) => add(alarms),
  },
  {
    name: 'pathrace_errors_total',
    type: 'counter',
    help: 'Errors by code, also of what was tried again; E_INTERNAL is a bug.',
    labels: ['code'],
    read: ({ errors }, add) => addAll(errors, add),
  },
  {
    name: 'pathrace_bugs_caught_total',
    type: 'counter',
    help: 'Bugs that have cost one packet, event or message, and nothing else.',
    labels: [],
    read: ({ caught }, add) => add(caught),
  },
  {
    name: 'pathrace_event_loop_delay_seconds',
    type: 'histogram',
    help: 'How late the event loop of a thread came to a timer; of the main thread since the first scrape.',
    labels: ['thread'],
    read: ({ loops }, add) => {
      for (const [thread, cells] of Object.entries(loops)) add(cells, 0, thread);
    },
  },
  {
    name: 'pathrace_cpu_seconds_total',
    type: 'counter',
    help: 'Time of processors that the daemon has taken, all threads together.',
    labels: ['mode'],
    read: ({ cpuSeconds }, add) => addAll(cpuSeconds, add),
  },
  {
    name: 'pathrace_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the daemon, all threads together.',
    labels: [],
    read: ({ residentBytes }, add) => add(residentBytes),
  },
  {
    name: 'pathrace_log_lines_lost_total',
    type: 'counter',
    help: 'Lines of the log that nobody has read (unread), and that were left out as there were too many of their kind (limited).',
    labels: ['why'],
    read: ({ linesLost }, add) => addAll(linesLost, add),
  },
  {
    name: 'pathrace_decisions_logged_total',
    type: 'counter',
    help: 'Decisions that were written to the file of log.decisions, and that were not.',
    labels: ['result'],
    read: ({ decisionLog }, add) => addAll(decisionLog, add),
  },
];
