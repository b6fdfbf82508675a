/** The kernel's list of expected connections, as Linux 6.1 has printed it. */
import { describe, expect, it } from 'vitest';
import { readExpected } from '../../src/kernel/expectations.js';
import { formatAddress } from '../../src/model/address.js';

const LISTED = `296 l3proto = 2 proto=6 src=10.0.0.2 dst=198.51.100.1 sport=0 dport=40001 ftp
12 l3proto = 10 proto=6 src=fd00:0000:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0100:0000:0000:0000:0000:0001 sport=0 dport=40002 ftp
- l3proto = 2 proto=17 src=0.0.0.0 dst=10.0.0.2 sport=0 dport=5004 PERMANENT sip
nothing of the kind
7 l3proto = 2 proto=6 src=somewhere dst=10.0.0.2 sport=0 dport=5004 ftp
`;

describe('expected connections', () => {
  it('are read line by line, and what is none is passed over', () => {
    const read = readExpected(LISTED).map(({ client, destination, ...others }) => ({
      ...others,
      ends: `${formatAddress(client)} ${formatAddress(destination)}`,
    }));
    expect(read).toEqual([
      { protocol: 6, port: 40001, leftMs: 296_000, ends: '10.0.0.2 198.51.100.1' },
      { protocol: 6, port: 40002, leftMs: 12_000, ends: 'fd00::2 2001:db8:100::1' },
      { protocol: 17, port: 5004, leftMs: null, ends: '0.0.0.0 10.0.0.2' },
    ]);
    expect(readExpected('')).toEqual([]);
  });
});
