/** Flows that are to be cut, hundreds of thousands of them perhaps: some 80 bytes each, given back as they are taken. */
import type { AddressWords } from '../model/address.js';
import type { Entry } from '../wire/netlink/ctnetlink-entry.js';

/** One flow of the list; reused. */
export interface ListedFlow {
  family: 4 | 6;
  protocol: number;
  id: number;
  readonly client: AddressWords;
  clientPort: number;
  readonly destination: AddressWords;
  destinationPort: number;
  /** What names its entry; a view. */
  original: Uint8Array;
}

export function createListedFlow(): ListedFlow {
  return {
    family: 4,
    protocol: 0,
    id: 0,
    client: new Int32Array(4),
    clientPort: 0,
    destination: new Int32Array(4),
    destinationPort: 0,
    original: new Uint8Array(0),
  };
}

/** Flows of one page. */
const PAGE = 1024;
/** Words before the tuple: id, ports, protocol with family and length, addresses. */
const WORDS = 11;
/** Longest original tuple, of IPv6. */
const MOST_TUPLE = 96;

interface Page {
  readonly words: Int32Array;
  readonly tuples: Uint8Array;
  /** Bytes of a tuple: all of a page have the length of its first at most. */
  readonly tupleBytes: number;
  count: number;
}

export class FlowList {
  /** BOUNDED: by nf_conntrack_max. */
  private pages: Page[] = [];
  private first = 0;
  private size = 0;

  get length(): number {
    return this.size;
  }

  add(entry: Pick<Entry, keyof ListedFlow>): void {
    const { original } = entry;
    // No tuple is longer; one that is names nothing that we know.
    if (original.length > MOST_TUPLE) return;
    let page = this.pages.at(-1);
    if (page === undefined || page.count === PAGE || original.length > page.tupleBytes) {
      const tupleBytes = original.length;
      page = {
        words: new Int32Array(PAGE * WORDS),
        tuples: new Uint8Array(PAGE * tupleBytes),
        tupleBytes,
        count: 0,
      };
      this.pages.push(page);
    }
    const { words, tuples, tupleBytes, count } = page;
    const at = count * WORDS;
    words[at] = entry.id;
    words[at + 1] = (entry.clientPort << 16) | entry.destinationPort;
    words[at + 2] = (entry.protocol << 16) | (entry.family << 8) | original.length;
    words.set(entry.client, at + 3);
    words.set(entry.destination, at + 7);
    tuples.set(original, count * tupleBytes);
    page.count++;
    this.size++;
  }

  /** Takes the next flow out; false when there is none. */
  take(out: ListedFlow): boolean {
    const [page] = this.pages;
    if (page === undefined) return false;
    const { words, tuples, tupleBytes } = page;
    const at = this.first * WORDS;
    const kind = words[at + 2];
    out.id = words[at];
    out.clientPort = words[at + 1] >>> 16;
    out.destinationPort = words[at + 1] & 0xffff;
    out.protocol = kind >>> 16;
    out.family = ((kind >>> 8) & 255) === 4 ? 4 : 6;
    out.client.set(words.subarray(at + 3, at + 7));
    out.destination.set(words.subarray(at + 7, at + 11));
    out.original = tuples.subarray(this.first * tupleBytes, this.first * tupleBytes + (kind & 255));
    this.size--;
    if (++this.first === page.count) {
      this.pages.shift();
      this.first = 0;
    }
    return true;
  }
}
