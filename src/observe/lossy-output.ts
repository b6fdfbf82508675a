/**
 * Writes lines to a reader that may leave, come back, or not read: what it does not take is dropped and counted, so that a log
 * neither ends the gateway nor fills its memory.
 */

/** What of a stream this needs; process.stderr has it. */
export interface LineStream {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  /** Bytes that wait for the reader. */
  readonly writableLength?: number;
}

/** Lines may wait up to this; a reader that is further behind does not read. */
const MOST_WAITING_BYTES = 1 << 20;

export class LossyOutput {
  /** Lines since start that nobody has read. */
  dropped = 0;

  /** Lines that were left out before they came here, since there were too many of their kind; counted by the log. */
  limited = 0;

  private untold = 0;

  /** `lossLine`: what to write when the reader is back, of lines that it has missed. */
  constructor(
    private readonly stream: LineStream,
    private readonly lossLine: (dropped: number) => string,
  ) {}

  /** In words, for an operator. */
  alarms(): string[] {
    return this.dropped === 0 ? [] : [`${this.dropped} lines of the log had no reader`];
  }

  write(line: string): void {
    if ((this.stream.writableLength ?? 0) > MOST_WAITING_BYTES) return this.drop();
    try {
      this.stream.write(line, (error) => {
        if (error != null) this.drop();
        else this.tellLoss();
      });
    } catch {
      this.drop();
    }
  }

  private drop(): void {
    this.dropped++;
    this.untold++;
  }

  private tellLoss(): void {
    if (this.untold === 0) return;
    const missed = this.untold;
    this.untold = 0;
    this.write(this.lossLine(missed));
  }
}
