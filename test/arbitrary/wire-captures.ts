/** IP packets out of pcap and pcapng files, as far as the captures of the tests need it. */

export interface Captured {
  readonly bytes: Uint8Array;
  /** Length on the wire; more than the bytes when the capture was cut. */
  readonly wireLength: number;
}

/** Offsets of the IP header by link type (tcpdump.org/linktypes.html). */
const LINK_HEADERS: Readonly<Record<number, number>> = {
  0: 4,
  1: 14,
  9: 2,
  12: 0,
  101: 0,
  113: 16,
  228: 0,
  229: 0,
  276: 20,
};
const VLAN = 0x8100;

export function capturedIp(file: Uint8Array): Captured[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return view.getUint32(0) === 0x0a0d0d0a ? fromPcapng(file, view) : fromPcap(file, view);
}

function fromPcap(file: Uint8Array, view: DataView): Captured[] {
  const magic = view.getUint32(0, true);
  const little = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const link = view.getUint32(20, little) & 0xffff;
  const found: Captured[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const kept = view.getUint32(at + 8, little);
    push(found, file.slice(at + 16, at + 16 + kept), view.getUint32(at + 12, little), link);
    at += 16 + kept;
  }
  return found;
}

function fromPcapng(file: Uint8Array, view: DataView): Captured[] {
  const little = view.getUint32(8, true) === 0x1a2b3c4d;
  const links: number[] = [];
  const found: Captured[] = [];
  for (let at = 0; at + 12 <= file.length; at += view.getUint32(at + 4, little)) {
    const type = view.getUint32(at, little);
    if (type === 1) links.push(view.getUint16(at + 8, little));
    if (type !== 6) continue;
    const kept = view.getUint32(at + 20, little);
    const link = links[view.getUint32(at + 8, little)];
    push(found, file.slice(at + 28, at + 28 + kept), view.getUint32(at + 24, little), link);
  }
  return found;
}

function push(found: Captured[], frame: Uint8Array, wireLength: number, link: number): void {
  let header = LINK_HEADERS[link];
  if (header === undefined) return;
  if (link === 1 && (frame[12] << 8) + frame[13] === VLAN) header += 4;
  const version = frame[header] >> 4;
  if (version === 4 || version === 6)
    found.push({ bytes: frame.slice(header), wireLength: wireLength - header });
}
