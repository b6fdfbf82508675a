/** The CRC-32 of Ethernet (ISO-HDLC, polynomial 0x04c11db7, reflected), as STUN's fingerprint has it (RFC 8489 section 14.7). */

/** For one byte of the input each. */
const TABLE = new Int32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

/** 32 bits, signed, of the bytes from `at` to before `end`. */
export function crc32(bytes: Uint8Array, at: number, end: number): number {
  let crc = -1;
  for (let i = at; i < end; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]) & 255];
  return ~crc;
}
