/** A snapshot of a small site, for tests of what shows it. */
import { createHistograms } from '../../src/model/histogram.js';
import type { MetricsSnapshot } from '../../src/observe/metrics/snapshot.js';

export function snapshotOf(own: Partial<MetricsSnapshot>): MetricsSnapshot {
  return {
    version: '1.2.3',
    uptimeSeconds: 5,
    cpuSeconds: { user: 1, system: 0.5 },
    residentBytes: 8e7,
    loops: { main: createHistograms(1), race: createHistograms(1) },
    errors: { E_INTERNAL: 0 },
    caught: 0,
    alarms: 0,
    fastPath: false,
    linesLost: { unread: 0, limited: 0 },
    decisionLog: { written: 0, missed: 0 },
    routes: [
      {
        name: 'a',
        state: 'up',
        families: { ipv4: true, ipv6: false },
        attempts: 7,
        losses: 3,
        negatives: 1,
        rescues: 0,
        connections: 2,
        traffic: { in: 800, out: 80 },
        portUse: 0,
        used: 100,
        quota: 1000,
        isSpent: false,
        check: { ok: true, rttMicros: 1500 },
      },
    ],
    services: [{ name: 'web', races: 4, hits: 9, byKernel: 5, remembered: 3 }],
    times: { answers: createHistograms(0), decisions: createHistograms(0), rows: [] },
    races: {
      active: 0,
      slots: { taken: 0, all: 8192 },
      outcomes: { 'first-reply': 4 },
      single: { criterion: 0 },
    },
    tiers: { kernel: 5, daemon: 0, race: 4 },
    memory: {
      destinations: 2,
      trusted: 2,
      inKernel: 2,
      size: 100,
      evicted: 0,
      hits: { kernel: 3, daemon: 0 },
    },
    dropped: { 'conntrack-invalid': 0 },
    ignored: { 'late-answer': 0 },
    queues: {
      lan: { received: 4, waiting: 0, overflow: 0 },
      wan: { received: 8, waiting: 0, overflow: 0 },
    },
    queueSize: 4096,
    overloadPauses: 0,
    entries: { written: 4, taken: 0 },
    elements: { written: 2, refused: 0, overflowed: 0, waiting: 0 },
    cutting: { cut: 0, left: 0 },
    calls: {
      kinds: { sip: { started: 0, ended: 0, active: 0 } },
      packets: 0,
      flows: { entered: 0, refused: 0 },
    },
    ...own,
  };
}
