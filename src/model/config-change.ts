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

/** What becomes of the connections of one route, or of something that all may ask about. */
export interface ConnectionEffect {
  /** The route that carries them until now; null: it concerns no single route. */
  readonly route: string | null;
  /** The route that goes on for it, by its new name; null: none, or no single one. */
  readonly becomes: string | null;
  /** How many there are; null where it concerns no single route. */
  readonly connections: number | null;
  /** `cut-without-address`: those are cut that have an address which the route has no more. */
  readonly fate: 'stay' | 'cut' | 'cut-without-address';
  readonly text: string;
}
