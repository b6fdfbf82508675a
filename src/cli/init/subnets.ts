/** Which addresses are of a site alone, and which are on one network. */
import { BlockList } from 'node:net';
import type { MachineAddress } from './machine.js';

/** RFC 1918 section 3 and RFC 4193 section 3.1. */
const PRIVATE: readonly MachineAddress[] = [
  { address: '10.0.0.0', prefixLength: 8 },
  { address: '172.16.0.0', prefixLength: 12 },
  { address: '192.168.0.0', prefixLength: 16 },
  { address: 'fc00::', prefixLength: 7 },
];

/** Whether providers never give this address to a site. */
export function isPrivate(address: string): boolean {
  return PRIVATE.some((prefix) => contains(prefix, address));
}

/** Whether an address is in the network of another one. */
export function contains({ address: network, prefixLength }: MachineAddress, address: string): boolean {
  const family = network.includes(':') ? 'ipv6' : 'ipv4';
  // A list of one family answers for the other as well.
  if ((family === 'ipv6') !== address.includes(':')) return false;
  const list = new BlockList();
  list.addSubnet(network, prefixLength, family);
  return list.check(address, family);
}
