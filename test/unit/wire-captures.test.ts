/** Real traffic through the decoder: test/captures says what it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { capturedIp } from '../arbitrary/wire-captures.js';
import { read } from '../arbitrary/wire-tools.js';

const FOLDER = new URL('../captures/', import.meta.url);

/** What becomes of the packets of each file, by reason and protocol. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'cooked.pcap': { 'ok 6': 16 },
  'cooked2.pcapng': { 'ok 6': 16, 'icmp-type': 4 },
  'cut.pcap': { 'ok 6': 16, 'ip-fragment': 12, 'icmp-type': 2, 'ip-address': 2 },
  // A query, and errors that quote datagrams.
  'datagrams.pcapng': { 'ip-fragment': 3, 'ok 58': 2, 'ok 17': 1 },
  'ethernet.pcap': { 'tcp-checksum': 23, 'ok 6': 3, 'ip-address': 3, 'icmp-type': 3 },
  'loopback.pcap': { 'ip-address': 8 },
  'raw.pcap': { 'ok 6': 16 },
  'vlan.pcap': { 'ok 6': 16, 'ip-address': 2 },
};

describe('captures', () => {
  it.each(readdirSync(FOLDER).filter((name) => /\.pcap(ng)?$/.test(name)))('%s', (name) => {
    const seen: Record<string, number> = {};
    for (const { bytes, wireLength } of capturedIp(readFileSync(new URL(name, FOLDER)))) {
      const { reason, packet } = read(bytes, wireLength);
      const what = reason === 'ok' ? `ok ${packet.protocol}` : reason;
      seen[what] = (seen[what] ?? 0) + 1;
    }
    expect(seen).toEqual(EXPECTED[name]);
  });
});
