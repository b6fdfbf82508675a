/**
 * Requests as bytes, attribute by attribute, as the kernel's headers lay them out; above each what the command line tool
 * would be told. Lengths and types are in host order (little endian), values in network order.
 */
import { describe, expect, it } from 'vitest';
import {
  encodeDeleteByOriginal,
  encodeDeleteByReply,
  encodeDump,
  encodeGetByOriginal,
  encodeGetByReply,
  encodeNew,
  type FlowEntry,
  NEW_LENGTH,
} from '../../src/wire/netlink/ctnetlink.js';
import { putString } from '../../src/wire/netlink/message.js';
import {
  encodeBind,
  encodeParameters,
  encodeVerdict,
  encodeWantEntries,
  KEEP_MARK,
  VERDICT,
} from '../../src/wire/netlink/nfqueue.js';
import {
  encodeQueueRule,
  encodeQueueTrial,
  encodeRemove,
  encodeRenew,
} from '../../src/wire/netlink/nftables.js';
import { encoded, hex, words } from '../arbitrary/wire-tools.js';

const FLOW: FlowEntry = {
  protocol: 6,
  family: 4,
  client: words('192.168.1.10'),
  clientAt: 0,
  clientPort: 40000,
  destination: words('198.51.100.7'),
  destinationAt: 0,
  destinationPort: 443,
  translated: true,
  source: words('203.0.113.2'),
  sourceAt: 0,
  sourcePort: 50000,
  mark: 0x02000000,
  additions: null,
  isAnew: false,
  shift: 0,
};

const FLOW6: FlowEntry = {
  ...FLOW,
  family: 6,
  client: words('fd00:1::10'),
  destination: words('2001:db8::7'),
  source: words('2001:db8:1::2'),
};

/** CTA_TUPLE_ORIG { CTA_TUPLE_IP { src, dst }, CTA_TUPLE_PROTO { tcp, sport, dport } } */
const ORIGINAL4 = hex(
  '3400 0180',
  '1400 0180  0800 0100 c0a8010a  0800 0200 c6336407',
  '1c00 0280  0500 0100 06000000  0600 0200 9c400000  0600 0300 01bb0000',
);
/** CTA_TUPLE_REPLY to the translated source. */
const REPLY4 = hex(
  '3400 0280',
  '1400 0180  0800 0100 c6336407  0800 0200 cb007102',
  '1c00 0280  0500 0100 06000000  0600 0200 01bb0000  0600 0300 c3500000',
);
/** CTA_TUPLE_REPLY to the client itself: what the kernel wants before it translates. */
const REPLY_UNTRANSLATED4 = hex(
  '3400 0280',
  '1400 0180  0800 0100 c6336407  0800 0200 c0a8010a',
  '1c00 0280  0500 0100 06000000  0600 0200 01bb0000  0600 0300 9c400000',
);
const ORIGINAL6 = hex(
  '4c00 0180',
  '2c00 0180  1400 0300 fd000001000000000000000000000010  1400 0400 20010db8000000000000000000000007',
  '1c00 0280  0500 0100 06000000  0600 0200 9c400000  0600 0300 01bb0000',
);
const REPLY_UNTRANSLATED6 = hex(
  '4c00 0280',
  '2c00 0180  1400 0300 20010db8000000000000000000000007  1400 0400 fd000001000000000000000000000010',
  '1c00 0280  0500 0100 06000000  0600 0200 01bb0000  0600 0300 9c400000',
);
/** CTA_TIMEOUT 60, CTA_MARK, CTA_PROTOINFO { TCP { SYN_SENT, liberal both ways } } */
const REST = hex(
  '0800 0700 0000003c',
  '0800 0800 02000000',
  '2000 0480  1c00 0180  0500 0100 01000000  0600 0400 08080000  0600 0500 08080000',
);

describe('ctnetlink', () => {
  // conntrack -I -p tcp -s 192.168.1.10 -d 198.51.100.7 --sport 40000 --dport 443 --src-nat 203.0.113.2:50000
  //   --state SYN_SENT --timeout 60 --mark 0x2000000   (and be-liberal in both directions)
  it('encodeNew', () => {
    const nat = hex(
      '2800 0680',
      '0800 0100 cb007102  0800 0200 cb007102',
      '1400 0380  0600 0100 c3500000  0600 0200 c3500000',
    );
    // IPCTNL_MSG_CT_NEW, REQUEST|EXCL|CREATE, sequence 7; nfgenmsg AF_INET.
    const header = hex('00000000 0001 0106 07000000 00000000', '02 00 0000');
    const expected = hex(header, ORIGINAL4, REPLY_UNTRANSLATED4, nat, REST);
    expect(encoded((w) => encodeNew(w, FLOW, 60, 7))).toBe(expected.replace(/^00000000/, length(expected)));
  });

  it('encodeNew for IPv6', () => {
    const nat = hex(
      '4000 0680',
      '1400 0400 20010db8000100000000000000000002  1400 0500 20010db8000100000000000000000002',
      '1400 0380  0600 0100 c3500000  0600 0200 c3500000',
    );
    const header = hex('00000000 0001 0106 07000000 00000000', '0a 00 0000');
    const expected = hex(header, ORIGINAL6, REPLY_UNTRANSLATED6, nat, REST);
    const found = encoded((w) => encodeNew(w, FLOW6, 60, 7));
    expect(found).toBe(expected.replace(/^00000000/, length(expected)));
    expect(found.length / 2).toBeLessThanOrEqual(NEW_LENGTH);
  });

  it('encodeNew without translation has no CTA_NAT_SRC', () => {
    const header = hex('00000000 0001 0106 07000000 00000000', '02 00 0000');
    const expected = hex(header, ORIGINAL4, REPLY_UNTRANSLATED4, REST);
    expect(encoded((w) => encodeNew(w, { ...FLOW, translated: false }, 60, 7))).toBe(
      expected.replace(/^00000000/, length(expected)),
    );
  });

  // ... and what rules had put on the entry before: --helper ftp, --label-add
  it('encodeNew with a helper and labels', () => {
    const header = hex('00000000 0001 0106 07000000 00000000', '02 00 0000');
    const additions = {
      helper: Uint8Array.of(0x66, 0x74, 0x70),
      labels: Uint8Array.from({ length: 16 }, (_, i) => i),
    };
    const help = hex('0c00 0580  0800 0100 66747000', '1400 1600 000102030405060708090a0b0c0d0e0f');
    const expected = hex(header, ORIGINAL4, REPLY_UNTRANSLATED4, REST, help);
    const found = encoded((w) => encodeNew(w, { ...FLOW, translated: false, additions }, 60, 7));
    expect(found).toBe(expected.replace(/^00000000/, length(expected)));
  });

  it('encodeNew takes addresses out of tables', () => {
    const table = new Int32Array(12);
    table.set(FLOW.client, 0);
    table.set(FLOW.destination, 4);
    table.set(FLOW.source, 8);
    const flow = { client: table, destination: table, destinationAt: 4, source: table, sourceAt: 8 };
    expect(encoded((w) => encodeNew(w, { ...FLOW, ...flow }, 60, 7))).toBe(
      encoded((w) => encodeNew(w, FLOW, 60, 7)),
    );
  });

  // conntrack -G -p tcp --orig-src 192.168.1.10 --orig-dst 198.51.100.7 --orig-port-src 40000 --orig-port-dst 443
  it('encodeGetByOriginal', () => {
    const header = hex('48000000 0101 0100 07000000 00000000', '02 00 0000');
    expect(encoded((w) => encodeGetByOriginal(w, FLOW, 7))).toBe(hex(header, ORIGINAL4));
  });

  // conntrack -G -p tcp --reply-src 198.51.100.7 --reply-dst 203.0.113.2 --reply-port-src 443 --reply-port-dst 50000
  it('encodeGetByReply', () => {
    const header = hex('48000000 0101 0100 07000000 00000000', '02 00 0000');
    expect(encoded((w) => encodeGetByReply(w, FLOW, 7))).toBe(hex(header, REPLY4));
  });

  // conntrack -D with the same words; acknowledged.
  it('encodeDeleteByOriginal and encodeDeleteByReply', () => {
    const header = hex('48000000 0201 0500 07000000 00000000', '02 00 0000');
    expect(encoded((w) => encodeDeleteByOriginal(w, FLOW, 7))).toBe(hex(header, ORIGINAL4));
    expect(encoded((w) => encodeDeleteByReply(w, FLOW, 7))).toBe(hex(header, REPLY4));
    const header6 = hex('60000000 0201 0500 07000000 00000000', '0a 00 0000');
    expect(encoded((w) => encodeDeleteByOriginal(w, FLOW6, 7))).toBe(hex(header6, ORIGINAL6));
  });

  // conntrack -L -f ipv6 --mark 0x2000000/0x1f000000
  it('encodeDump', () => {
    const header = hex('24000000 0101 0103 07000000 00000000', '0a 00 0000');
    expect(encoded((w) => encodeDump(w, 6, 0x02000000, 0x1f000000, 7))).toBe(
      hex(header, '0800 0800 02000000', '0800 1500 1f000000'),
    );
  });
});

describe('nfnetlink_queue', () => {
  it('encodeVerdict: ACCEPT keeps the mark', () => {
    const header = hex('20000000 0103 0100 00000000 00000000', '00 00 13ba');
    const found = encoded((w) => encodeVerdict(w, 5050, 0xdeadbeef, VERDICT.ACCEPT, KEEP_MARK));
    expect(found).toBe(hex(header, '0c00 0200 00000001 deadbeef'));
  });

  it('encodeVerdict: ACCEPT with a mark, DROP', () => {
    const header = hex('28000000 0103 0100 00000000 00000000', '00 00 13bb');
    const found = encoded((w) => encodeVerdict(w, 5051, 1, VERDICT.ACCEPT, 0x9f000000));
    expect(found).toBe(hex(header, '0c00 0200 00000001 00000001', '0800 0300 9f000000'));
    const none = encoded((w) => encodeVerdict(w, 5051, 1, VERDICT.ACCEPT, 0));
    expect(none).toBe(hex(header, '0c00 0200 00000001 00000001', '0800 0300 00000000'));
    const drop = encoded((w) => encodeVerdict(w, 5051, 1, VERDICT.DROP, KEEP_MARK));
    expect(drop).toBe(
      hex('20000000 0103 0100 00000000 00000000', '00 00 13bb', '0c00 0200 00000000 00000001'),
    );
  });

  it('encodeBind', () => {
    const header = hex('1c000000 0203 0500 07000000 00000000', '00 00 13ba');
    expect(encoded((w) => encodeBind(w, 5050, 7))).toBe(hex(header, '0800 0100 01000000'));
  });

  it('encodeParameters: bytes per packet, queue length, fail open and no GSO', () => {
    const header = hex('38000000 0203 0500 07000000 00000000', '00 00 13ba');
    expect(encoded((w) => encodeParameters(w, 5050, 7, 1024, 4096))).toBe(
      hex(
        header,
        '0900 0200 00000400 02 000000',
        '0800 0300 00001000',
        '0800 0400 00000001',
        '0800 0500 00000001',
      ),
    );
  });

  it('encodeWantEntries: NFQA_CFG_F_CONNTRACK, and no other flag is touched', () => {
    const header = hex('24000000 0203 0500 07000000 00000000', '00 00 13ba');
    expect(encoded((w) => encodeWantEntries(w, 5050, 7))).toBe(
      hex(header, '0800 0400 00000002', '0800 0500 00000002'),
    );
  });
});

/** NFNL_MSG_BATCH_BEGIN and _END for NFNL_SUBSYS_NFTABLES. */
const begin = (sequence: string) => hex(`14000000 1000 0100 ${sequence} 00000000`, '00 00 000a');
const end = (sequence: string) => hex(`14000000 1100 0100 ${sequence} 00000000`, '00 00 000a');
/** NFTA_SET_ELEM_LIST_TABLE "t", _SET "alive". */
const NAMES = hex('0600 0100 74000000', '0a00 0200 616c697665000000');
const element = (key: string, timeout = '') =>
  timeout === ''
    ? hex('1000 0180  0c00 0180  0500 0100', key, '000000')
    : hex('1c00 0180  0c00 0180  0500 0100', key, '000000', '0c00 0400', timeout);

describe('nf_tables', () => {
  // nft -f: add element inet t alive { tcp timeout 500ms, icmp timeout 500ms }; delete element inet t alive
  //   { tcp, icmp }; add element inet t alive { tcp timeout 500ms, icmp timeout 500ms }
  it('encodeRenew', () => {
    const timeout = '00000000000001f4';
    const elements = hex('3c00 0380', element('06', timeout), element('01', timeout));
    const add = (sequence: string) =>
      hex(`64000000 0c0a 0104 ${sequence} 00000000`, '01 00 0000', NAMES, elements);
    const remove = hex(
      '4c000000 0e0a 0100 09000000 00000000',
      '01 00 0000',
      NAMES,
      '2400 0380',
      element('06'),
      element('01'),
    );
    expect(encoded((w) => encodeRenew(w, { table: 't', set: 'alive', keys: [6, 1] }, 500, 7))).toBe(
      hex(begin('07000000'), add('08000000'), remove, add('0a000000'), end('10000000')),
    );
  });

  // nft -f: add element inet t alive { tcp timeout 500ms }; delete element inet t alive { tcp }
  it('encodeRemove', () => {
    const add = hex(
      '48000000 0c0a 0104 08000000 00000000',
      '01 00 0000',
      NAMES,
      '2000 0380',
      element('06', '00000000000001f4'),
    );
    const remove = hex(
      '3c000000 0e0a 0100 09000000 00000000',
      '01 00 0000',
      NAMES,
      '1400 0380',
      element('06'),
    );
    expect(encoded((w) => encodeRemove(w, { table: 't', set: 'alive', keys: [6] }, 500, 7))).toBe(
      hex(begin('07000000'), add, remove, end('10000000')),
    );
  });

  it('encodeRenew takes lives of more than 2^32 ms', () => {
    const found = encoded((w) => encodeRenew(w, { table: 't', set: 'alive', keys: [6] }, 0x1_0000_0002, 7));
    expect(found).toContain('0000000100000002');
  });

  // iptables-nft -A c -p tcp -j NFQUEUE --queue-num 5050 --queue-bypass, in table inet t
  it('encodeQueueRule', () => {
    const target = hex(
      '0c00 0100 4e465155455545 00', // NFTA_TARGET_NAME "NFQUEUE"
      '0800 0200 00000003', // NFTA_TARGET_REV 3
      '0c00 0300 ba13 0100 0100 0000', // NFTA_TARGET_INFO: xt_NFQ_info_v3, host order
    );
    const expression = hex('3400 0180', '0b00 0100 746172676574 00 00', '2400 0280', target);
    const rule = hex(
      '70000000 060a 050c 08000000 00000000',
      '01 00 0000',
      '0600 0100 74000000',
      '0600 0200 63000000',
      '3800 0480',
      expression,
      '1400 0580  0800 0100 00000006  0800 0200 00000000',
    );
    expect(encoded((w) => encodeQueueRule(w, 't', 'c', 5050, 7))).toBe(
      hex(begin('07000000'), rule, end('10000000')),
    );
  });

  // The same in a table of family ip, and nothing that commits it.
  it('encodeQueueTrial', () => {
    const found = encoded((w) => encodeQueueTrial(w, 7));
    expect(found.startsWith(begin('07000000'))).toBe(true);
    expect(found).not.toContain(end('10000000'));
    const [, table, chain, rule] = messages(found);
    expect([table, chain, rule].map((message) => message?.slice(8, 12))).toEqual(['000a', '030a', '060a']);
    expect([table, chain, rule].map((message) => message?.slice(32, 34))).toEqual(['02', '02', '02']);
    expect(rule).toContain(Buffer.from('NFQUEUE\0').toString('hex'));
  });
});

/** By the length that each message begins with. */
function messages(text: string): string[] {
  const bytes = Buffer.from(text, 'hex');
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at))
    found.push(bytes.subarray(at, at + bytes.readUInt32LE(at)).toString('hex'));
  return found;
}

it('a string whose end falls on a boundary is terminated all the same', () => {
  expect(encoded((w) => putString(w, 1, 'abc'))).toBe(hex('0800 0100 61626300'));
  expect(encoded((w) => putString(w, 1, 'abcd'))).toBe(hex('0900 0100 61626364 00000000'));
});

function length(message: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(message.length / 2);
  return bytes.toString('hex');
}
