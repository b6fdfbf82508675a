/**
 * The first packets through cold code would be some milliseconds late, and a test that compares arrival times would see it.
 * So packets that nobody sent pass the router before the first real one.
 */
import { setIpv4Checksum, setTransportChecksum } from './checksum.js';
import { SLOT_BYTES } from './frame-pool.js';
import { addressBytes, ETHERNET_BYTES, IPV4, Packet, SYN } from './packet.js';
import type { EmulatorSetup } from './protocol.js';
import type { Router } from './router.js';

const ROUNDS = 2000;
const SYN_BYTES = 40;

/** Call before the router has a real sender, and before drops are installed; leaves no trace in counts and order. */
export function warmUp(
  router: Router,
  setup: EmulatorSetup,
  deviceIndex: (device: string) => number,
  now: number,
): void {
  const provider = setup.providers.find(({ nextHops }) => nextHops.some((hop) => hop.includes('.')));
  const server = setup.servers.find(({ addresses }) => addresses.some((address) => address.includes('.')));
  const port = setup.serverPorts[server?.port ?? 0];
  if (provider === undefined || server === undefined || port === undefined) return;
  const near = addressBytes(provider.prefixes[0]?.split('/')[0] ?? '');
  const far = addressBytes(server.addresses.find((address) => address.includes('.')) as string);
  for (let round = 0; round < ROUNDS; round++) {
    send(router, deviceIndex(provider.device), near, far, now);
    send(router, deviceIndex(port.device), far, near, now);
    if (round % 50 === 49) router.deliverDue(Number.MAX_SAFE_INTEGER);
  }
  router.deliverDue(Number.MAX_SAFE_INTEGER);
  router.capture.reset();
  router.setLink({ provider: provider.name });
}

function send(router: Router, device: number, source: Buffer, destination: Buffer, now: number): void {
  const slot = router.pool.take();
  if (slot < 0) return;
  const { bytes } = router.pool;
  const ip = slot * SLOT_BYTES + ETHERNET_BYTES;
  bytes.fill(0, ip, ip + SYN_BYTES);
  bytes.writeUInt16BE(IPV4, ip - 2);
  bytes[ip] = 0x45;
  bytes.writeUInt16BE(SYN_BYTES, ip + 2);
  bytes[ip + 8] = 64;
  bytes[ip + 9] = 6;
  source.copy(bytes, ip + 12);
  destination.copy(bytes, ip + 16);
  bytes[ip + 32] = 0x50;
  bytes[ip + 33] = SYN;
  setIpv4Checksum(bytes, ip);
  const packet = new Packet();
  packet.read(bytes, ip, ip + SYN_BYTES);
  setTransportChecksum(packet);
  router.pool.lengths[slot] = ETHERNET_BYTES + SYN_BYTES;
  router.receive(slot, device, now);
}
