/** Attributes of messages about the kernel's connection table (include/uapi/linux/netfilter/nfnetlink_conntrack.h), as far as they are used here. */

/** enum ctattr_type. */
export const CTA = {
  TUPLE_ORIG: 1,
  TUPLE_REPLY: 2,
  STATUS: 3,
  PROTOINFO: 4,
  HELP: 5,
  NAT_SRC: 6,
  NAT_DST: 13,
  TIMEOUT: 7,
  MARK: 8,
  COUNTERS_ORIG: 9,
  COUNTERS_REPLY: 10,
  USE: 11,
  ID: 12,
  SEQ_ADJ_REPLY: 16,
  TIMESTAMP: 20,
  MARK_MASK: 21,
  LABELS: 22,
  FILTER: 25,
} as const;

/** Nested in SEQ_ADJ_REPLY (enum ctattr_seqadj). */
export const CTA_SEQADJ = { CORRECTION_POS: 1, OFFSET_BEFORE: 2, OFFSET_AFTER: 3 } as const;

/** Nested kinds. */
export const CTA_TUPLE = { IP: 1, PROTO: 2 } as const;
/** enum ctattr_ip, by family. */
export const CTA_IP = { 4: { SRC: 1, DST: 2 }, 6: { SRC: 3, DST: 4 } } as const;
export const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_TCP_ATTR = { STATE: 1, FLAGS_ORIGINAL: 4, FLAGS_REPLY: 5 } as const;

/** Address families as the kernel numbers them. */
export const AF = { 4: 2, 6: 10 } as const;
