/** Metrics of races, of decisions, and of what is remembered. */
import { countOf } from '../../model/histogram.js';
import type { Metric } from './metric.js';

export const RACE_METRICS: readonly Metric[] = [
  {
    name: 'pathrace_races_started_total',
    type: 'counter',
    help: 'Races that have begun.',
    labels: ['service'],
    read: ({ services }, add) => {
      for (const { name, races } of services) add(races, name);
    },
  },
  {
    name: 'pathrace_races_ended_total',
    type: 'counter',
    help: 'Races that are decided or over, by how they ended.',
    labels: ['outcome'],
    read: ({ races }, add) => addAll(races.outcomes, add),
  },
  {
    name: 'pathrace_races_active',
    type: 'gauge',
    help: 'Races that are not decided.',
    labels: [],
    read: ({ races }, add) => add(races.active),
  },
  {
    name: 'pathrace_race_slots_used',
    type: 'gauge',
    help: 'Places of the table of races that are taken, also by decided ones whose losers may still answer.',
    labels: [],
    read: ({ races }, add) => add(races.slots.taken),
  },
  {
    name: 'pathrace_race_slots',
    type: 'gauge',
    help: 'Places of the table of races.',
    labels: [],
    read: ({ races }, add) => add(races.slots.all),
  },
  {
    name: 'pathrace_race_wins_total',
    type: 'counter',
    help: 'Races that a route has won.',
    labels: ['route', 'service'],
    read: ({ times }, add) => {
      for (const { route, service, at } of times.rows) {
        const wins = countOf(times.decisions, at);
        if (wins > 0) add(wins, route, service);
      }
    },
  },
  {
    name: 'pathrace_race_duration_seconds',
    type: 'histogram',
    help: 'From the first packet of a client to the decision, by the route that has won.',
    labels: ['route', 'service'],
    read: ({ times }, add) => {
      for (const { route, service, at } of times.rows)
        if (countOf(times.decisions, at) > 0) add(times.decisions, at, route, service);
    },
  },
  {
    name: 'pathrace_answer_duration_seconds',
    type: 'histogram',
    help: 'From a copy to the answer of its server, also of routes that have not won.',
    labels: ['route', 'service'],
    read: ({ times }, add) => {
      for (const { route, service, at } of times.rows)
        if (countOf(times.answers, at) > 0) add(times.answers, at, route, service);
    },
  },
  {
    name: 'pathrace_decisions_total',
    type: 'counter',
    help: 'New connections that services took, by who has chosen their routes.',
    labels: ['tier'],
    read: ({ tiers }, add) => addAll(tiers, add),
  },
  {
    name: 'pathrace_connections_single_total',
    type: 'counter',
    help: 'New connections that the daemon gave a route without a race, by the reason.',
    labels: ['reason'],
    read: ({ races }, add) => addAll(races.single, add),
  },
  {
    name: 'pathrace_service_connections_total',
    type: 'counter',
    help: 'First packets of new connections that a service took, since the gateway first started here.',
    labels: ['service'],
    read: ({ services }, add) => {
      for (const { name, hits } of services) add(hits, name);
    },
  },
  {
    name: 'pathrace_service_kernel_decisions_total',
    type: 'counter',
    help: 'New connections of a service that the kernel has given a route by itself.',
    labels: ['service'],
    read: ({ services }, add) => {
      for (const { name, byKernel } of services) add(byKernel, name);
    },
  },
  {
    name: 'pathrace_service_memory_hits_total',
    type: 'counter',
    help: 'New connections of a service whose destination the kernel remembered.',
    labels: ['service'],
    read: ({ services }, add) => {
      for (const { name, remembered } of services) add(remembered, name);
    },
  },
  {
    name: 'pathrace_memory_hits_total',
    type: 'counter',
    help: 'New connections whose destination was remembered, by who has looked.',
    labels: ['by'],
    read: ({ memory }, add) => addAll(memory.hits, add),
  },
  {
    name: 'pathrace_memory_destinations',
    type: 'gauge',
    help: 'Destinations that are remembered.',
    labels: [],
    read: ({ memory }, add) => add(memory.destinations),
  },
  {
    name: 'pathrace_memory_trusted_destinations',
    type: 'gauge',
    help: 'Destinations of which so much is known that no race is needed.',
    labels: [],
    read: ({ memory }, add) => add(memory.trusted),
  },
  {
    name: 'pathrace_memory_kernel_entries',
    type: 'gauge',
    help: 'Entries of memory that the kernel decides by.',
    labels: [],
    read: ({ memory }, add) => add(memory.inKernel),
  },
  {
    name: 'pathrace_memory_size',
    type: 'gauge',
    help: 'Destinations that can be remembered (memory.size).',
    labels: [],
    read: ({ memory }, add) => add(memory.size),
  },
  {
    name: 'pathrace_memory_evictions_total',
    type: 'counter',
    help: 'Destinations that had to give way to others.',
    labels: [],
    read: ({ memory }, add) => add(memory.evicted),
  },
];

/** A sample for each field, whose name is the label. */
export function addAll(
  values: Readonly<Record<string, number>>,
  add: (value: number, label: string) => void,
): void {
  for (const [word, value] of Object.entries(values)) add(value, word);
}
