/** The counters of `status`, and what each counts. The compiler keeps the lists whole, docs/json.md shows them. */
import type { DecodeReason, HealthReason, IgnoredReason } from '../model/reasons.js';

/** Why a packet was dropped. Those of LAN hosts never reach a provider, those of providers never a host. */
export const DROPPED = {
  truncated: 'shorter than its headers say',
  'ip-version': 'neither IPv4 nor IPv6',
  'ip-header-length': 'an IPv4 header shorter than 20 bytes or longer than the packet',
  'ip-total-length': 'a total length that is not the packet’s',
  'ip-header-checksum': 'a wrong checksum of the IPv4 header',
  'ip-fragment': 'a fragment where a whole packet was expected',
  'ip-extension-header': 'an IPv6 extension header that cannot be read',
  'ip-protocol': 'a protocol that was not asked for',
  'ip-address': 'an address that no host has',
  'tcp-header-length': 'a TCP header shorter than 20 bytes or longer than the packet',
  'tcp-checksum': 'a wrong TCP checksum',
  'tcp-flags': 'a combination of TCP flags that means nothing',
  'tcp-port-zero': 'a TCP port of 0',
  'tcp-options': 'TCP options that cannot be read',
  'udp-length': 'a UDP length that is less than its header or more than the packet',
  'udp-checksum': 'a wrong UDP checksum',
  'icmp-checksum': 'a wrong ICMP checksum',
  'icmp-type': 'an ICMP message that is no error',
  'icmp-quote': 'an ICMP error that quotes too little to tell what it is about',
  'conntrack-invalid': 'from a provider, and part of no connection (the kernel calls it invalid)',
  'ports-exhausted': 'refused: every source port to this server is taken',
  'spoofed-source': 'from the LAN with a source that is not behind it',
  unsolicited: 'an answer to a port of races, and no race asked there',
  'stray-answers': 'more answers to nothing than a limit lets reach the daemon',
  misrouted: 'about to leave by another interface than its route’s',
  protected: 'new connections from a provider into the LAN that no rule of yours forwards',
  'outside-prefix': 'refused: its source is not in the prefix that the route translates',
  'no-route': 'refused: every route of its family is gone',
  'guarded-way': 'about to leave by a provider’s interface that is not its route’s',
  'guarded-source': 'about to leave by a provider with an address that is not the route’s',
} as const satisfies Readonly<Record<Exclude<DecodeReason, 'ok'>, string>> & Readonly<Record<string, string>>;
export type DroppedReason = keyof typeof DROPPED;

/** What came and changed nothing. */
export const IGNORED = {
  'syn-repeat': 'a first packet repeated while its race runs',
  'same-flight': 'further datagrams of a client before its first was answered',
  'syn-repeat-after-decision': 'a first packet repeated after its race',
  'late-answer': 'answers to datagrams after the first one',
  'late-syn-ack': 'a yes after another route had won; it was answered with a reset',
  'syn-ack-wrong-ack': 'a yes to something else than was sent',
  'rst-not-acceptable': 'a reset that does not belong to the copy',
  'challenge-ack': 'a server’s question whether an old connection is still meant',
  'held-error': 'a refusal that was held back while another route might say yes',
  'path-mtu': 'a message that a packet was too big, noted',
  'icmp-not-ours': 'an ICMP error about nothing of ours',
  'icmp-wrong-sequence': 'an ICMP error about a copy that was never sent',
  'not-ours': 'an answer to nothing of ours',
  'winner-repeat': 'the winner’s yes once more',
  'kept-for-group': 'a yes that was passed over, as its group is on another route',
  'host-groups': 'connections that went without a group, as their host has begun too many',
  'stale-queue': 'left in the queue by the daemon before this one',
  'bad-netlink': 'messages of the kernel that could not be read',
  'client-flood': 'connections that were not raced, as their host begins too many',
  'entry-kept': 'connections that were not raced, as rules have put something on their entry',
} as const satisfies Readonly<Record<IgnoredReason, string>> & Readonly<Record<string, string>>;
export type IgnoredWord = keyof typeof IGNORED;

/** What the queues between kernel and daemon carried. */
export const QUEUE = {
  lan: 'packets of LAN hosts that the daemon has read',
  wan: 'packets of providers that the daemon has read',
  calls: 'packets of signalling that the daemon has read (`follow`)',
  'overload-pauses': 'times that the daemon let the kernel go on alone, to catch up',
  'lan-waiting': 'packets of LAN hosts that wait now',
  'lan-overflow': 'packets of LAN hosts that found the queue full, and went by the rest route',
  'lan-kernel-total': 'packets of LAN hosts that the kernel has queued, since the queue was made',
  'wan-waiting': 'packets of providers that wait now',
  'wan-overflow': 'packets of providers that found the queue full',
  'wan-kernel-total': 'packets of providers that the kernel has queued, since the queue was made',
} as const;
export type QueueWord = keyof typeof QUEUE;

/** Why a route is in its state; `ipv4-` or `ipv6-` before it: that family alone. */
export const ROUTE_REASONS = {
  'interface-missing': 'its interface does not exist',
  'interface-down': 'its interface is down',
  'no-carrier': 'its cable is out',
  'no-address': 'it has no address of a family that it needs',
  'no-gateway': 'no next hop is known',
  'not-configured': 'it carries none of the families',
  silent: 'connections and questions by it were not answered',
  rescued: 'other routes had to take over connections of it',
  returned: 'it is back, and has to answer once before anything depends on it',
  'checks-failed': 'its own checks fail',
  link: 'its link or address has changed, and it has not answered since',
  answered: 'it has answered',
  'by-command': 'an operator has said so',
} as const satisfies Readonly<Record<HealthReason, string>> & Readonly<Record<string, string>>;
