/** Metrics of what passes between kernel and daemon: packets, queues, what is written into the kernel, calls. */
import type { Metric } from './metric.js';
import { addAll } from './races.js';

const QUEUES = ['lan', 'wan'] as const;

export const KERNEL_METRICS: readonly Metric[] = [
  {
    name: 'pathrace_packets_dropped_total',
    type: 'counter',
    help: 'Packets that were dropped, by the reason; conntrack-invalid: those that the kernel calls INVALID.',
    labels: ['reason'],
    read: ({ dropped }, add) => addAll(dropped, add),
  },
  {
    name: 'pathrace_packets_ignored_total',
    type: 'counter',
    help: 'Packets that have changed nothing, by the reason.',
    labels: ['reason'],
    read: ({ ignored }, add) => addAll(ignored, add),
  },
  {
    name: 'pathrace_queue_packets_total',
    type: 'counter',
    help: 'Packets of a queue that the daemon has read.',
    labels: ['queue'],
    read: ({ queues, calls }, add) => {
      for (const queue of QUEUES) add(queues[queue].received, queue);
      add(calls.packets, 'calls');
    },
  },
  {
    name: 'pathrace_queue_waiting_packets',
    type: 'gauge',
    help: 'Packets that wait in a queue for the daemon.',
    labels: ['queue'],
    read: ({ queues }, add) => {
      for (const queue of QUEUES) add(queues[queue].waiting, queue);
    },
  },
  {
    name: 'pathrace_queue_overflow_packets_total',
    type: 'counter',
    help: 'Packets that have found a queue full, and were not seen by the daemon.',
    labels: ['queue'],
    read: ({ queues }, add) => {
      for (const queue of QUEUES) add(queues[queue].overflow, queue);
    },
  },
  {
    name: 'pathrace_queue_size_packets',
    type: 'gauge',
    help: 'Packets that a queue can hold (limits.queue).',
    labels: [],
    read: ({ queueSize }, add) => add(queueSize),
  },
  {
    name: 'pathrace_overload_pauses_total',
    type: 'counter',
    help: 'Times that the daemon has let the kernel go on alone, to catch up.',
    labels: [],
    read: ({ overloadPauses }, add) => add(overloadPauses),
  },
  {
    name: 'pathrace_conntrack_entries_total',
    type: 'counter',
    help: 'Entries of won races for the connection table; taken: another flow has their ends.',
    labels: ['result'],
    read: ({ entries }, add) => addAll(entries, add),
  },
  {
    name: 'pathrace_kernel_elements_total',
    type: 'counter',
    help: 'Elements for sets and maps of the kernel; refused: by the kernel, overflowed: too many waited.',
    labels: ['result'],
    read: ({ elements: { waiting: _, ...elements } }, add) => addAll(elements, add),
  },
  {
    name: 'pathrace_kernel_elements_waiting',
    type: 'gauge',
    help: 'Elements that wait to be written into the kernel.',
    labels: [],
    read: ({ elements }, add) => add(elements.waiting),
  },
  {
    name: 'pathrace_connections_cut_total',
    type: 'counter',
    help: 'Connections that were cut, by a command or since their route is gone.',
    labels: [],
    read: ({ cutting }, add) => add(cutting.cut),
  },
  {
    name: 'pathrace_connections_to_cut',
    type: 'gauge',
    help: 'Connections that are still to be cut.',
    labels: [],
    read: ({ cutting }, add) => add(cutting.left),
  },
  {
    name: 'pathrace_fast_path_active',
    type: 'gauge',
    help: 'Whether established connections pass by the rules (kernel.fastPath).',
    labels: [],
    read: ({ fastPath }, add) => add(fastPath ? 1 : 0),
  },
  {
    name: 'pathrace_calls_started_total',
    type: 'counter',
    help: 'Calls and streams that have begun, where their signalling is followed.',
    labels: ['kind'],
    read: ({ calls }, add) => {
      for (const [kind, { started }] of Object.entries(calls.kinds)) add(started, kind);
    },
  },
  {
    name: 'pathrace_calls_ended_total',
    type: 'counter',
    help: 'Calls and streams that have ended.',
    labels: ['kind'],
    read: ({ calls }, add) => {
      for (const [kind, { ended }] of Object.entries(calls.kinds)) add(ended, kind);
    },
  },
  {
    name: 'pathrace_calls_active',
    type: 'gauge',
    help: 'Calls and streams that there are now.',
    labels: ['kind'],
    read: ({ calls }, add) => {
      for (const [kind, { active }] of Object.entries(calls.kinds)) add(active, kind);
    },
  },
  {
    name: 'pathrace_call_flows_total',
    type: 'counter',
    help: 'Flows that signalling has announced; refused: they could not be entered.',
    labels: ['result'],
    read: ({ calls }, add) => addAll(calls.flows, add),
  },
];
