/** Connections that the kernel's helpers expect, as the kernel lists them: what FTP has announced, whoever has attached its helper. */
import { readFile } from 'node:fs/promises';
import { type AddressWords, parseAddress, sameAddress } from '../model/address.js';

export interface Expected {
  readonly protocol: number;
  readonly client: AddressWords;
  readonly destination: AddressWords;
  readonly port: number;
  /** Until it is forgotten; null: it is not. */
  readonly leftMs: number | null;
}

/** What is asked about, where it is expected; null: it is not, or the kernel does not list any. */
export async function findExpected(asked: Omit<Expected, 'leftMs'>): Promise<Expected | null> {
  const text = await readFile('/proc/self/net/nf_conntrack_expect', 'utf8').catch(() => '');
  const isAsked = ({ protocol, client, destination, port }: Expected): boolean =>
    protocol === asked.protocol &&
    port === asked.port &&
    sameAddress(client, 0, asked.client, 0) &&
    sameAddress(destination, 0, asked.destination, 0);
  return readExpected(text).find(isAsked) ?? null;
}

/** `296 l3proto = 2 proto=6 src=10.0.0.2 dst=198.51.100.1 sport=0 dport=40001 ftp`: exp_seq_show of net/netfilter/nf_conntrack_expect.c. */
export function readExpected(text: string): Expected[] {
  return text.split('\n').flatMap((line) => {
    const [, left, protocol, from, to, port] =
      /^(\d+|-) +l3proto = \d+ proto=(\d+) src=(\S+) dst=(\S+) sport=\d+ dport=(\d+)/.exec(line.trim()) ?? [];
    const [client, destination] = [parseAddress(from ?? ''), parseAddress(to ?? '')];
    if (left === undefined || client === null || destination === null) return [];
    const leftMs = left === '-' ? null : Number(left) * 1000;
    return [{ protocol: Number(protocol), client, destination, port: Number(port), leftMs }];
  });
}
