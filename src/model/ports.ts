/** Which source ports belong to whom: attempts and what the kernel translates alone never meet. */
import type { PortRange } from './config.js';

/** What a flow whose own port cannot stay may get (RFC 4787 REQ-3a). */
export const HIGH_PORTS: PortRange = { from: 1024, to: 65_535 };

/** The larger of the two ranges that the attempts leave free. */
export function kernelPorts(racePorts: PortRange): PortRange {
  const below = { from: HIGH_PORTS.from, to: racePorts.from - 1 };
  const above = { from: racePorts.to + 1, to: HIGH_PORTS.to };
  return sizeOf(above) > sizeOf(below) ? above : below;
}

/** How many ports there are. */
export function sizeOf({ from, to }: PortRange): number {
  return to - from + 1;
}

export function includes({ from, to }: PortRange, port: number): boolean {
  return port >= from && port <= to;
}
