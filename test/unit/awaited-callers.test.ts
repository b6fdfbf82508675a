/** Ends of clients that servers will connect to. */
import { describe, expect, it } from 'vitest';
import { type Awaited, AwaitedCallers } from '../../src/kernel/awaited-callers.js';
import { parseAddress } from '../../src/model/address.js';
import { createPacket } from '../../src/wire/packet.js';

const words = (text: string) => parseAddress(text)!;
const SERVER = words('198.51.100.1');
const OUTSIDE = words('203.0.1.2');

const awaited = (port: number, until = 100): Awaited => ({
  client: words('10.0.0.2'),
  outside: OUTSIDE,
  port,
  mark: 1,
  isControl: true,
  until,
});

function packet(source: Int32Array, port: number, destination = OUTSIDE) {
  const made = createPacket();
  made.source.set(source);
  made.destination.set(destination);
  made.sourcePort = 1024 + (port % 7);
  made.destinationPort = port;
  return made;
}

describe('a server’s first packet', () => {
  it('is for who waits for this server at this end, whatever its own port is, as long as it waits', () => {
    const callers = new AwaitedCallers();
    callers.add(SERVER, awaited(3000));
    expect(callers.find(packet(SERVER, 3000), 99)).toEqual(awaited(3000));
    expect(callers.find(packet(SERVER, 3000), 99)).toEqual(awaited(3000));
    expect(callers.find(packet(SERVER, 3001), 99)).toBeNull();
    expect(callers.find(packet(words('198.51.100.2'), 3000), 99)).toBeNull();
    expect(callers.find(packet(SERVER, 3000, words('203.0.2.2')), 99)).toBeNull();
    expect(callers.find(packet(SERVER, 3000), 100)).toBeNull();
    expect(callers.find(packet(SERVER, 3000), 0)).toBeNull();
  });

  it('4096 wait at one time, the first gives way; the same end once more is one', () => {
    const callers = new AwaitedCallers();
    for (let i = 0; i < 3; i++) callers.add(SERVER, awaited(1024));
    for (let port = 1025; port < 1024 + 4096; port++) callers.add(SERVER, awaited(port));
    expect(callers.find(packet(SERVER, 1024), 0)).not.toBeNull();
    callers.add(SERVER, awaited(60_000));
    expect(callers.find(packet(SERVER, 1024), 0)).toBeNull();
    expect(callers.find(packet(SERVER, 1025), 0)).not.toBeNull();
  });
});
