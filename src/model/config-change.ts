/** What differs between two configurations, in the words and key paths of the file. */

/** One line of the difference. */
export interface ConfigChange {
  /** `routes.lte.cost`, `services.web.select`. */
  readonly key: string;
  /** As text; null: not there. */
  readonly before: string | null;
  readonly after: string | null;
  /** `restart`: takes effect at the next start. */
  readonly apply: 'live' | 'restart';
}
