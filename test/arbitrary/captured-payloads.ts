/** Payloads out of captures that the project does not contain: they are beside it, or not there at all. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { capturedIp } from './wire-captures.js';

const FOLDER = new URL('../../../shared/data/captures/', import.meta.url);

export interface CapturedPayload {
  /** 6 or 17. */
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly bytes: Uint8Array;
}

/** Whether there is such a capture: tests without theirs are skipped. */
export function hasCapture(name: string): boolean {
  return existsSync(fileURLToPath(new URL(name, FOLDER)));
}

/** Of TCP and UDP over IPv4, in order, without padding; empty ones, fragments but the first and IPv6 left out. */
export function capturedPayloads(name: string): CapturedPayload[] {
  return capturedIp(readFileSync(new URL(name, FOLDER))).flatMap(({ bytes }) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes[0] >> 4 !== 4 || (view.getUint16(6) & 0x1fff) !== 0) return [];
    const protocol = bytes[9];
    const transport = (bytes[0] & 15) * 4;
    if (protocol !== 6 && protocol !== 17) return [];
    const data = transport + (protocol === 17 ? 8 : (bytes[transport + 12] >> 4) * 4);
    const payload = Uint8Array.from(bytes.subarray(data, view.getUint16(2)));
    if (payload.length === 0) return [];
    return [
      {
        protocol,
        sourcePort: view.getUint16(transport),
        destinationPort: view.getUint16(transport + 2),
        bytes: payload,
      },
    ];
  });
}
