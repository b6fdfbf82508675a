/** What a conversion has to say: what it could not carry over, and what to do instead. */

/**
 * `lost`: it did something, and nothing does it now. `differs`: something else does it, in another way.
 * `unused`: it did nothing, or nothing is needed in its place.
 */
export type Effect = 'lost' | 'differs' | 'unused';

export interface Note {
  /** Line of the file that is converted, from 1. */
  readonly line: number;
  /** `rule https`, `interface wan`. */
  readonly section: string;
  /** What is written there, shortened. */
  readonly found: string;
  readonly effect: Effect;
  /** What to do, or what is so now. */
  readonly instead: string;
}

/** Collects them. */
export class Notes {
  private readonly notes: Note[] = []; // BOUNDED: a few for each value of the file, which is bounded.

  add(effect: Effect, place: Place, found: string, instead: string): void {
    const { line, section } = place;
    // A remark may quote the file.
    const plain = instead.replace(/[\p{Cc}\p{Cs}\u2028\u2029\ufffd\ufeff]/gu, '?');
    this.notes.push({ line, section, found: shown(found), effect, instead: plain });
  }

  /** In the order of the file. */
  inOrder(): readonly Note[] {
    return [...this.notes].sort((a, b) => a.line - b.line);
  }
}

export interface Place {
  readonly line: number;
  readonly section: string;
}

const LONGEST = 80;

/** Plain ASCII on one line, whatever the file has. */
export function shown(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}...` : plain;
}
