/**
 * Machine-readable reasons. Each list is closed: a counter per entry, shown by `status` under the same word,
 * and docs/reasons in the guide. A number on the hot path is an index into one of these lists.
 */

/** Why bytes are not a packet that the engine looks at. Index 0 is success. */
export const DECODE_REASONS = [
  'ok',
  'truncated',
  'ip-version',
  'ip-header-length',
  'ip-total-length',
  'ip-header-checksum',
  'ip-fragment',
  'ip-extension-header',
  'ip-protocol',
  'ip-address',
  'tcp-header-length',
  'tcp-checksum',
  'tcp-flags',
  'tcp-port-zero',
  'tcp-options',
  'udp-length',
  'udp-checksum',
  'icmp-checksum',
  'icmp-type',
  'icmp-quote',
] as const;
export type DecodeReason = (typeof DECODE_REASONS)[number];

/** Why a new connection goes by one route without a race. Never a lost connection. */
export const SINGLE_REASONS = [
  'criterion',
  'remembered',
  'affinity',
  'same-flow',
  'only-route',
  'no-route',
  'race-table-full',
  'set-ups-full',
  'client-race-limit',
  'client-race-rate',
  'host-race-limit',
  'destination-race-rate',
  'never-raced',
  'ports-exhausted',
  'mptcp-join',
  'tcp-authentication',
  'ttl-expires-here',
  'ip-options',
  'set-up-too-long',
  'destination-scope',
  'not-a-set-up',
  'copies-refused',
  'operator-rule',
  'entry-kept',
  'way-given',
  'internal-error',
  'held',
] as const;
export type SingleReason = (typeof SINGLE_REASONS)[number];

/** Packets that a race took note of and that end in the daemon, besides attempts. */
export const IGNORED_REASONS = [
  'syn-repeat',
  'same-flight',
  'syn-repeat-after-decision',
  'late-syn-ack',
  'late-answer',
  'syn-ack-wrong-ack',
  'rst-not-acceptable',
  'challenge-ack',
  'held-error',
  'path-mtu',
  'icmp-not-ours',
  'icmp-wrong-sequence',
  'not-ours',
  'winner-repeat',
  'kept-for-group',
  'host-groups',
  'stale-queue',
  'bad-netlink',
] as const;
export type IgnoredReason = (typeof IGNORED_REASONS)[number];

/** Why a race of which the first payload should decide ended as it did: by that; else by the first reply, and why. */
export const OPENING_REASONS = [
  'first-payload',
  'payload-not-safe',
  'payload-too-long',
  'client-goes-on',
  'client-has-ended',
  'no-payload',
  'others-out',
] as const;
export type OpeningReason = (typeof OPENING_REASONS)[number];

/** Why a race ended as it did; the decisions of `why` carry these words, or one of SINGLE_REASONS. */
export const OUTCOME_REASONS = [
  'first-reply',
  ...OPENING_REASONS,
  'simultaneous-open',
  'group-reply',
  'rescued',
  'all-routes-negative',
  'refused-by-server',
  'error-and-silence',
  'all-routes-silent',
  'replaced-by-new-connection',
  'tuple-in-use',
  'no-copy-sent',
] as const;
export type OutcomeReason = (typeof OUTCOME_REASONS)[number];
/** How a connection that the kernel has decided by itself, or that is older than what is remembered, came to its route. */
export const OPEN_REASONS = [
  'remembered',
  'criterion',
  'group-or-remembered',
  'group-or-criterion',
  'tunnel',
  'follows',
  'never-raced',
  'fixed',
  'rest',
  'main-table',
  'came-by-it',
  'raced-before',
  'chosen-before',
  'held',
] as const;
export type OpenReason = (typeof OPEN_REASONS)[number];
export const ROUTE_OF_GROUP = OUTCOME_REASONS.indexOf('group-reply');

/** What a route answered in a race, as a number: ICMP errors are ANSWER.ICMP + type * 256 + code. */
export const ANSWER = {
  NONE: 0,
  SILENCE: 1,
  /** TCP: SYN+ACK. */
  ANSWERED: 2,
  /** By the server itself; TCP: a reset. */
  REFUSED: 3,
  NOT_SENT: 4,
  /** On the way; nothing more is known. */
  FAILED: 5,
  /** Its copy was to leave later, and the race was over by then. */
  WAITED: 6,
  ICMP: 0x4000,
} as const;

/** Why the health of a route is what it is. */
export const HEALTH_REASONS = [
  'answered',
  'silent',
  'rescued',
  'returned',
  'checks-failed',
  'link',
  'by-command',
] as const;
export type HealthReason = (typeof HEALTH_REASONS)[number];
