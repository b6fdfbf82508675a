/**
 * Runs in a network namespace of its own, tries each kernel feature that the gateway uses, and prints what happened
 * as JSON. Nothing needs to be undone: the namespace ends with the process.
 */
import { spawnSync } from 'node:child_process';
import { encodeDeleteByOriginal, encodeNew, type FlowEntry } from '../wire/netlink/ctnetlink.js';
import { createMessageView, createWriter, NLMSG, readMessage, type Writer } from '../wire/netlink/message.js';
import { encodeBind, encodeWantEntries } from '../wire/netlink/nfqueue.js';
import { encodeQueueRule } from '../wire/netlink/nftables.js';
import { PROTOCOL } from '../wire/packet.js';
import type { Trial, TrialResult } from './features-kernel.js';
import { allocate, E, errno, errnoName, sys } from './ffi.js';
import { detectQueueMethod } from './queue-method.js';

const TABLE = 'pathrace_probe';

const BASE = `table inet ${TABLE} {
  set alive { type inet_proto; flags timeout; timeout 1s; }
  chain lan { type filter hook prerouting priority -190; policy accept;
    ct state new ct status confirmed counter
    ct direction original ct mark != 0 meta mark set ct mark
  }
  chain local { type route hook output priority -300; policy accept;
    meta mark 0x1 notrack
  }
  chain compat { }
}
`;

const NAT = `table inet ${TABLE} {
  chain nat { type nat hook postrouting priority 100; policy accept;
    meta mark 0x1 meta nfproto ipv4 meta l4proto tcp snat ip to 192.0.2.1:1024-32767
    meta mark 0x1 meta nfproto ipv6 meta l4proto tcp snat ip6 to [2001:db8::1]:1024-32767
    meta mark 0x2 meta l4proto tcp masquerade to :1024-32767
  }
}
`;

const QUEUE = `table inet ${TABLE} {
  chain queued { ct state new queue num 5050 bypass
  }
}
`;

const FLOWTABLE = `table inet ${TABLE} {
  flowtable fast { hook ingress priority 0; counter; devices = { "lo" }; }
  chain fast_path { type filter hook forward priority 210; policy accept;
    ct status assured meta l4proto { tcp, udp } flow add @fast
  }
}
`;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const MSG_DONTWAIT = 0x40;

function tryAll(): readonly TrialResult[] {
  const fd = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  const rule = ['rule', 'add', 'fwmark', '0x1/0xff', 'lookup', '20501'];
  return [
    run('nf_tables', 'nft', ['-f', '-'], BASE),
    run('nft-nat', 'nft', ['-f', '-'], NAT),
    run('queue-nft', 'nft', ['-f', '-'], QUEUE),
    run('flowtable', 'nft', ['-f', '-'], FLOWTABLE),
    ask('queue-compat', fd, (w) => encodeQueueRule(w, TABLE, 'compat', 5050, 10)),
    ask('queue-bind', fd, (w) => encodeBind(w, 5050, 30)),
    ask('queue-entries', fd, (w) => encodeWantEntries(w, 5050, 35)),
    ask('conntrack', fd, (w) => {
      encodeNew(w, FLOW, 10, 40);
      encodeDeleteByOriginal(w, FLOW, 41);
    }),
    run('rules-ipv4', 'ip', rule),
    run('rules-ipv6', 'ip', ['-6', ...rule]),
  ];
}

function run(name: Trial, command: string, args: readonly string[], input = ''): TrialResult {
  const { status, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8', timeout: 20_000 });
  if (error !== undefined) return { name, ok: false, found: `${command}: ${error.message}` };
  const words = stderr
    .trim()
    .split('\n')[0]
    .replace(/^\/dev\/stdin:[\d:-]+ /, '');
  return { name, ok: status === 0, found: status === 0 ? 'works' : words };
}

/** Sends requests of which the last is acknowledged; the first error counts. */
function ask(name: Trial, fd: number, encode: (w: Writer) => void): TrialResult {
  const memory = allocate(65536);
  const writer = createWriter(memory.bytes, memory.view);
  encode(writer);
  if (fd < 0 || sys.send(fd, memory.address, writer.length, 0) < 0) {
    return { name, ok: false, found: errnoName(errno()) };
  }
  const message = createMessageView();
  let acknowledged = false;
  for (;;) {
    // Answers are in the receive buffer when send returns.
    const length = sys.recv(fd, memory.address, memory.bytes.length, MSG_DONTWAIT);
    if (length < 0) break;
    for (let next = readMessage(message, memory.view, 0, length); next !== -1; ) {
      if (message.type === NLMSG.ERROR) {
        const code = -memory.view.getInt32(message.body, true);
        if (code !== 0) return { name, ok: false, found: errnoName(code) };
        acknowledged = true;
      }
      next = readMessage(message, memory.view, next, length);
    }
  }
  const code = errno();
  const found = code === E.AGAIN ? 'no answer' : errnoName(code);
  return { name, ok: acknowledged, found: acknowledged ? 'works' : found };
}

/** 192.0.2.2:40000 to 198.51.100.7:443, translated to 192.0.2.1:40000 (RFC 5737). */
const FLOW: FlowEntry = {
  protocol: PROTOCOL.TCP,
  family: 4,
  client: Int32Array.of(0, 0, 0xffff, 0xc0000202 | 0),
  clientAt: 0,
  clientPort: 40000,
  destination: Int32Array.of(0, 0, 0xffff, 0xc6336407 | 0),
  destinationAt: 0,
  destinationPort: 443,
  translated: true,
  source: Int32Array.of(0, 0, 0xffff, 0xc0000201 | 0),
  sourceAt: 0,
  sourcePort: 40000,
  mark: 1,
  additions: null,
  isAnew: false,
  shift: 0,
};

// As the gateway does first: it has the kernel load what it has as modules.
await detectQueueMethod();
process.stdout.write(`${JSON.stringify(tryAll())}\n`);
