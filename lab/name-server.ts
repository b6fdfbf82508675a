/** A name server in a namespace, and a client that asks it: both by hand, byte by byte (RFC 1035). */
import type { Socket } from 'node:dgram';
import { formatAddress, parseAddress } from '../src/model/address.js';
import { boundIn } from './bound-socket.js';
import type { Host } from './host.js';

const PORT = 53;
const TYPE = { A: 1, AAAA: 28 } as const;

/** Addresses by name; the time to live of all of them is 60 s unless it is said. */
export interface Zone {
  readonly [name: string]: readonly string[];
}

export class NameServer {
  private constructor(
    private readonly socket: Socket,
    private readonly zone: Zone,
    private readonly error: (from: string) => number,
  ) {}

  /** `error`: the code that it answers an address with; 0: none (RFC 1035 section 4.1.1). */
  static async listen(
    host: Host,
    address: string,
    zone: Zone,
    error: (from: string) => number = () => 0,
    port = PORT,
  ): Promise<NameServer> {
    const server = new NameServer(await boundIn(host.namespace, address, port), zone, error);
    server.socket.on('message', (question, from) => {
      server.socket.send(server.answer(question, from.address), from.port, from.address);
    });
    return server;
  }

  close(): void {
    this.socket.close();
  }

  private answer(question: Buffer, from: string): Buffer {
    const error = this.error(from);
    const { name, type, end } = readQuestion(question);
    const six = type === TYPE.AAAA;
    const all = error === 0 ? (this.zone[name] ?? []) : [];
    const found = all.filter((address) => address.includes(':') === six);
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(0x8180 | error, 2);
    header.writeUInt16BE(found.length, 6);
    header.writeUInt32BE(0, 8);
    const records = found.map((address) => {
      const data = bytesOf(address);
      const record = Buffer.alloc(12 + data.length);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(60, 6);
      record.writeUInt16BE(data.length, 10);
      data.copy(record, 12);
      return record;
    });
    return Buffer.concat([header, question.subarray(12, end), ...records]);
  }
}

/** Asks once, from a port of its own; gives the addresses of the answer. Rejects without one. */
export async function ask(host: Host, from: string, server: string, name: string): Promise<string[]> {
  const socket = await boundIn(host.namespace, from, 0);
  const type = from.includes(':') ? TYPE.AAAA : TYPE.A;
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const answered = new Promise<string[]>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name}: no answer of ${server}`)), 2000);
    socket.once('message', (message) => {
      clearTimeout(timer);
      resolve(readAddresses(message, type));
    });
  });
  socket.send(Buffer.from([...header, ...labels, 0, 0, type, 0, 1]), PORT, server);
  return answered.finally(() => socket.close());
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  while ((message[at] ?? 0) !== 0) {
    const length = message[at] ?? 0;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

/** Of an answer as this name server writes it. */
function readAddresses(message: Buffer, type: number): string[] {
  const length = type === TYPE.A ? 4 : 16;
  const { end } = readQuestion(message);
  return Array.from({ length: message.readUInt16BE(6) }, (_, i) => {
    const at = end + i * (12 + length) + 12;
    const words = Int32Array.of(0, 0, type === TYPE.A ? 0xffff : 0, 0);
    for (let word = 4 - length / 4, from = at; word < 4; word++, from += 4)
      words[word] = message.readInt32BE(from);
    return formatAddress(words, 0);
  });
}

function bytesOf(address: string): Buffer {
  const words = parseAddress(address)!;
  const bytes = Buffer.alloc(16);
  for (let i = 0; i < 4; i++) bytes.writeInt32BE(words[i]!, i * 4);
  return address.includes(':') ? bytes : bytes.subarray(12);
}
