/** A packet socket on one interface of a lab's namespace: hand-made frames go out, what comes in is recorded. */
import { closeSync, openSync } from 'node:fs';
import {
  allocate,
  E,
  errno,
  errnoName,
  setOption,
  sys,
  systemCall,
  type Watch,
  watchReadable,
} from '../src/kernel/ffi.js';
import { decode } from './emulator/decode.js';
import { macBytes } from './emulator/packet.js';
import type { WirePacket } from './emulator/protocol.js';
import type { Host } from './host.js';

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0o2000000 | 0o4000;
const ETH_P_ALL_BE = 0x0300;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const PACKET_IGNORE_OUTGOING = 23;
const BUFFER_BYTES = 16 << 20;
const CLONE_NEWNET = 0x40000000;
const FRAME_BYTES = 65_536;
const ETHERNET_BYTES = 14;

const setns = systemCall('setns', 'int', ['int', 'int']);

/** Runs in another network namespace. Only this thread is there, so `action` must not wait for anything. */
export function inNamespaceOf<Value>(namespace: string, action: () => Value): Value {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${namespace}`, 'r');
  try {
    if (setns(there, CLONE_NEWNET) !== 0) throw new Error(`setns: ${errnoName(errno())}`);
    return action();
  } finally {
    if (setns(home, CLONE_NEWNET) !== 0) process.abort();
    closeSync(there);
    closeSync(home);
  }
}

export interface TapOptions {
  /** Ethernet address that frames go to. */
  readonly to: string;
  /** Which received packets are kept; default all. */
  readonly keep?: (packet: WirePacket) => boolean;
  /** What the interface sends is recorded, too, in the order of both; default false. */
  readonly outgoing?: boolean;
}

export class Tap {
  /** BOUNDED: by the test; what came in and was kept, oldest first. */
  readonly received: WirePacket[] = [];
  /** Frames that the kernel did not take. */
  refused = 0;
  private readonly fd: number;
  private readonly memory = allocate(FRAME_BYTES);
  private readonly head: Buffer;
  private readonly watch: Watch;

  /** `namespace` is a host of the lab or a namespace's name. */
  constructor(namespace: Host | string, device: string, options: TapOptions) {
    const name = typeof namespace === 'string' ? namespace : namespace.namespace;
    this.fd = inNamespaceOf(name, () => openSocket(device, options.outgoing === true));
    this.head = Buffer.concat([macBytes(options.to), Buffer.alloc(6, 2), Buffer.alloc(2)]);
    const keep = options.keep ?? ((): boolean => true);
    this.watch = watchReadable(this.fd, () => this.read(keep));
  }

  /** Sends an IP packet as it is. */
  send(packet: Uint8Array): void {
    const { bytes, address } = this.memory;
    bytes.set(this.head);
    const version = (packet[0] ?? 0) >> 4;
    bytes[12] = version === 6 ? 0x86 : 0x08;
    bytes[13] = version === 6 ? 0xdd : 0x00;
    bytes.set(packet, ETHERNET_BYTES);
    const sent = sys.send(this.fd, address, ETHERNET_BYTES + packet.length, 0);
    if (sent < 0) this.refused++;
  }

  close(): void {
    this.watch.close();
    sys.close(this.fd);
  }

  private read(keep: (packet: WirePacket) => boolean): void {
    for (;;) {
      const length = sys.recv(this.fd, this.memory.address, FRAME_BYTES, 0);
      if (length < 0 && errno() === E.INTR) continue;
      if (length <= ETHERNET_BYTES) return;
      const bytes = Buffer.from(this.memory.bytes.subarray(ETHERNET_BYTES, length));
      const packet = decode(bytes, {
        at: Number(process.hrtime.bigint()) / 1000,
        provider: '',
        direction: 'in',
        fate: 'passed',
        length: bytes.length,
      });
      if (packet !== undefined && keep(packet)) this.received.push(packet);
    }
  }
}

function openSocket(device: string, outgoing: boolean): number {
  const fd = sys.socket(AF_PACKET, SOCK_RAW_CLOEXEC_NONBLOCK, ETH_P_ALL_BE);
  if (fd < 0) throw new Error(`packet socket: ${errnoName(errno())}`);
  const address = allocate(20);
  address.view.setUint16(0, AF_PACKET, true);
  address.view.setUint16(2, ETH_P_ALL_BE, true);
  address.view.setInt32(4, sys.ifIndex(device), true);
  if (sys.bind(fd, address.address, 20) !== 0) throw new Error(`bind to ${device}: ${errnoName(errno())}`);
  setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
  setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
  setOption(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  if (!outgoing) setOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  return fd;
}

/** The Ethernet address of an interface. */
export async function macOf(host: Host, device: string): Promise<string> {
  const [link] = JSON.parse(await host.must(['ip', '-j', 'link', 'show', 'dev', device])) as {
    address: string;
  }[];
  return link?.address ?? '';
}

/** The lab's emulator namespace, whose interface `p<i>` is the i-th provider's end of the wire. */
export function providersNamespace(gateway: Host): string {
  return gateway.namespace.replace(/-gw$/, '-net');
}
