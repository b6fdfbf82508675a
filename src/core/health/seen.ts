/** How many different values each lane has seen: as many as anybody asks about. */

const MOST = 4;

/** BOUNDED: MOST values per lane; further ones are not counted. */
export class Seen {
  readonly count: Uint8Array;
  private readonly values: Int32Array;

  constructor(lanes: number) {
    this.count = new Uint8Array(lanes);
    this.values = new Int32Array(lanes * MOST);
  }

  note(lane: number, value: number): void {
    const count = this.count[lane];
    for (let i = 0; i < count; i++) if (this.values[lane * MOST + i] === value) return;
    if (count === MOST) return;
    this.values[lane * MOST + count] = value;
    this.count[lane]++;
  }

  clear(lane: number): void {
    this.count[lane] = 0;
  }
}
