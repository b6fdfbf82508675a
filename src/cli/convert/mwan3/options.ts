/** Options of a section as mwan3 reads them, and which of them nobody has read. */
import { type Effect, type Notes, type Place, shown } from '../notes.js';
import type { UciOption, UciSection } from '../uci.js';

/** One section; what it has and nobody asks for is told at the end. */
export class Options {
  private readonly asked = new Set<string>(); // BOUNDED: options that this code knows.
  readonly label: string;

  constructor(
    readonly section: UciSection,
    /** Its name, or one made for it. */
    readonly name: string,
    private readonly notes: Notes,
  ) {
    this.label = `${section.type} ${shown(name)}`;
  }

  /** The value of an option, the last of a list; undefined where it is empty or not there. */
  text(option: string): string | undefined {
    const value = this.find(option)?.values.at(-1)?.trim();
    return value === '' ? undefined : value;
  }

  /** A list, or the words of an option. */
  list(option: string): readonly string[] {
    return (this.find(option)?.values ?? [])
      .flatMap((value) => value.split(/\s+/))
      .filter((word) => word !== '');
  }

  /** As `config_get_bool`. */
  flag(option: string, otherwise: boolean): boolean {
    const value = this.text(option);
    if (value === undefined) return otherwise;
    if (['1', 'on', 'true', 'yes', 'enabled'].includes(value)) return true;
    return ['0', 'off', 'false', 'no', 'disabled'].includes(value) ? false : otherwise;
  }

  /** A whole number within bounds; what is none is told, and the default holds. */
  number(option: string, otherwise: number, bounds: { readonly from: number; readonly to: number }): number {
    const value = this.text(option);
    if (value === undefined) return otherwise;
    const found = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (found >= bounds.from && found <= bounds.to) return found;
    const used = Number.isNaN(found) ? otherwise : Math.min(Math.max(found, bounds.from), bounds.to);
    this.note(
      'differs',
      option,
      `${used} is used: it has to be a whole number from ${bounds.from} to ${bounds.to}.`,
    );
    return used;
  }

  /** Says something about an option; about the section where it does not have it. */
  note(effect: Effect, option: string, instead: string): void {
    const found = this.find(option);
    const text = found === undefined ? this.section.type : `${option} ${found.values.join(' ')}`;
    this.notes.add(effect, this.placeOf(found), text, instead);
  }

  /** Says something about the section as a whole. */
  noteAll(effect: Effect, instead: string): void {
    this.notes.add(effect, this.placeOf(undefined), this.section.type, instead);
  }

  /** What nobody has asked for: this code does not know what it does. */
  noteRest(): void {
    for (const option of this.section.options.values()) {
      if (this.asked.has(option.name)) continue;
      this.note(
        'lost',
        option.name,
        'Not an option that this conversion knows. Look whether it matters to you.',
      );
    }
  }

  private placeOf(option: UciOption | undefined): Place {
    return { line: option?.line ?? this.section.line, section: this.label };
  }

  private find(option: string): UciOption | undefined {
    this.asked.add(option);
    return this.section.options.get(option);
  }
}
