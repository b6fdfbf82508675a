/** The emulator's process: a packet socket, an alarm, and the lab's questions. Configured by its first question, `setup`. */
import { sys, watchReadable } from '../../src/kernel/ffi.js';
import { serve } from '../rpc.js';
import { alarm } from './alarm.js';
import { nowMicros, PacketSocket } from './packet-socket.js';
import type { AddDrop, EmulatorCounts, EmulatorSetup, SetLink, TraceFilter, WirePacket } from './protocol.js';
import { Router } from './router.js';
import { warmUp } from './warm-up.js';

interface Running {
  router: Router;
  socket: PacketSocket;
}

let running: Running | undefined;

/** Batches in one turn of the event loop, so that questions are answered under load, too. */
const BATCHES_PER_TURN = 8;

function begin(setup: EmulatorSetup): void {
  let socket: PacketSocket | undefined;
  const router: Router = new Router(setup, deviceIndex, {
    send: (slot, device) => (socket === undefined ? router.pool.give(slot) : socket.send(slot, device)),
  });
  warmUp(router, setup, deviceIndex, nowMicros());
  const opened = new PacketSocket(router.pool);
  socket = opened;
  const wake = alarm(deliver);
  const receive = router.receive.bind(router);

  function deliver(): void {
    router.deliverDue(nowMicros());
    opened.flush();
    wake.set(router.schedule.nextDue);
  }
  watchReadable(opened.fd, () => {
    for (let batch = 0; batch < BATCHES_PER_TURN && opened.receive(receive); batch++) deliver();
    deliver();
  });
  running = { router, socket: opened };
}

function deviceIndex(device: string): number {
  const index = sys.ifIndex(device);
  if (index === 0) throw new Error(`the emulator's namespace has no interface ${device}`);
  return index;
}

function now(): Running {
  if (running === undefined) throw new Error('the emulator has no setup yet');
  return running;
}

serve({
  setup: (setup: EmulatorSetup) => begin(setup),
  set: (change: SetLink) => now().router.setLink(change),
  drop: (drop: AddDrop) => now().router.addDrop(drop),
  clearDrops: (provider: string): number => now().router.clearDrops(provider),
  counts: (): EmulatorCounts => {
    const { router, socket } = now();
    return { ...router.counts(), sendErrors: socket.sendErrors, overruns: socket.overruns() };
  },
  trace: (filter: TraceFilter): WirePacket[] => now().router.capture.trace(filter),
  reset: () => now().router.capture.reset(),
});
