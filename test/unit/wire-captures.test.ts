/**
 * Real traffic through the decoder. The captures are not part of the project; where they are missing, this says so
 * and the packets of test/golden stand alone.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DECODE_REASONS } from '../../src/model/reasons.js';
import { PROTOCOL } from '../../src/wire/packet.js';
import { capturedIp } from '../arbitrary/wire-captures.js';
import { read } from '../arbitrary/wire-tools.js';

const FOLDER = new URL('../../../shared/data/captures/', import.meta.url);
const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => /\.pcap(ng)?$/.test(name)) : [];

describe.skipIf(files.length === 0)('captures', () => {
  if (files.length === 0) console.warn(`no captures in ${FOLDER.pathname}: replay skipped`);

  it.each(files)('%s', (name) => {
    const packets = capturedIp(readFileSync(new URL(name, FOLDER)));
    expect(packets.length).toBeGreaterThan(0);
    const refused: Record<string, number> = {};
    let tcp = 0;
    for (const { bytes, wireLength } of packets) {
      const { reason, packet } = read(bytes, wireLength);
      expect(DECODE_REASONS).toContain(reason);
      const isTcp = bytes[0] >> 4 === 4 ? bytes[9] === 6 : bytes[6] === 6;
      if (!isTcp) continue;
      tcp++;
      if (reason !== 'ok') refused[reason] = (refused[reason] ?? 0) + 1;
      else expect(packet.protocol).toBe(PROTOCOL.TCP);
    }
    // A sender's own capture shows checksums that its network card has not filled in yet.
    const { 'tcp-checksum': offloaded = 0, ...others } = refused;
    expect(others).toEqual({});
    if (tcp > 0) expect(offloaded).toBeLessThan(tcp);
  });
});
