/** What a program begins with, and the connection that it ends with. */
import type { EngineSettings, LivingFlow } from '../../src/core/engine-types.js';
import { FLAG } from '../../src/wire/packet.js';
import { flowAt, ROUTES } from './flows.js';
import type { Start, StepOf } from './steps.js';

export function settingsOf(start: Start): EngineSettings {
  const { aggregate, burst, ports } = start;
  return {
    routes: ROUTES,
    races: start.races,
    racesPerClient: start.racesPerClient,
    clientSets: 256,
    clientRate: { perSecond: burst / 2, burst },
    racePorts: { from: 40_000, to: 40_000 + ports - 1 },
    portMemory: start.portMemory,
    raceTimeoutMicros: start.timeoutMicros,
    decisions: start.decisions,
    memorySize: start.memorySize,
    aggregate: { 4: aggregate, 6: aggregate * 4 },
    secret: [0x1234567, 0x89abcde],
  };
}

export function flowInUse({ flow, port }: StepOf<'adopt'>): LivingFlow {
  const { client, server } = flowAt(flow);
  return {
    client: client.address,
    clientPort: client.port,
    destination: server.address,
    destinationPort: server.port,
    port,
  };
}

/** A SYN as any, and the answer of its server. */
export const PLAIN_SETUP: StepOf<'setup'> = {
  kind: 'setup',
  flow: 0,
  isn: 0,
  flags: FLAG.SYN,
  options: 0,
  ttl: 64,
  ipOptions: 0,
  data: 0,
  service: 0,
  tried: 0,
  pinned: 0,
  way: 'any',
};
export const PLAIN_ANSWER: StepOf<'answer'> = {
  kind: 'answer',
  of: 0,
  ends: 'left',
  by: 'own',
  flags: FLAG.SYN | FLAG.ACK,
  ack: 'right',
  word: 0,
  look: 0,
  known: true,
};
