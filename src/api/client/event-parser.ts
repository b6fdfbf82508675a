/** Reads a stream of server-sent events (the HTML standard's `text/event-stream`), piece by piece. Runs in browsers. */

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
  /** Of the last event that had one; empty: none had. */
  readonly id: string;
}

/** An event of the gateway has at most a tenth of that. */
const MAX_EVENT_CHARACTERS = 1024 * 1024;

export class EventParser {
  /** BOUNDED: MAX_EVENT_CHARACTERS; what is longer is left out. */
  private rest = '';
  private name = '';
  private data: string[] = [];
  private length = 0;
  private lastId = '';

  /** The events that are whole with this piece. */
  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.rest = (lines.pop() ?? '').slice(0, MAX_EVENT_CHARACTERS);
    for (const line of lines) {
      if (line === '') this.end(events);
      else this.take(line);
    }
    return events;
  }

  private take(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.name = value;
    else if (field === 'id' && !value.includes('\0')) this.lastId = value;
    else if (field === 'data' && this.length < MAX_EVENT_CHARACTERS) {
      this.length += value.length;
      this.data.push(value);
    }
  }

  private end(events: ServerEvent[]): void {
    const isWhole = this.data.length > 0 && this.length < MAX_EVENT_CHARACTERS;
    if (isWhole) events.push({ name: this.name || 'message', data: this.data.join('\n'), id: this.lastId });
    this.name = '';
    this.data = [];
    this.length = 0;
  }
}
