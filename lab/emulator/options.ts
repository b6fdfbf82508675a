/** A middlebox's habit: TCP options that it does not like become NOPs. */
import { setTransportChecksum } from './checksum.js';
import { eachOption } from './decode.js';
import type { Packet } from './packet.js';

const NOP = 1;

/** Overwrites options of the given kinds and repairs the checksum. */
export function stripOptions(packet: Packet, kinds: readonly number[]): void {
  if (kinds.length === 0 || !packet.isTcp) return;
  let stripped = false;
  eachOption(packet, (kind, at, length) => {
    if (kind === NOP || !kinds.includes(kind)) return;
    packet.bytes.fill(NOP, at, at + length);
    stripped = true;
  });
  if (stripped) setTransportChecksum(packet);
}
