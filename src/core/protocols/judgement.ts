/** What a packet of a provider says to an attempt, in words that are the same for all protocols. */
import type { IgnoredReason, OutcomeReason } from '../../model/reasons.js';

export const JUDGEMENT = {
  /** A yes. */
  ANSWER: 0,
  /** The server itself says no. */
  REFUSAL: 1,
  /** The server asks whether the set-up is meant: it still holds an older connection. */
  CHALLENGE: 2,
  /** Nothing that this attempt has brought about. */
  STRAY: 3,
} as const;

/** One value per engine, reused. */
export interface Judgement {
  kind: number;
  /**
   * ANSWER: it proves that it is about this very set-up. Without that it may carry the flow, but measures nothing and shows no life.
   */
  proven: boolean;
  /** ANSWER: the word for a race that it decides. */
  outcome: OutcomeReason;
  /** ANSWER: what the answers of one server have in common, and those of something on the way have not. */
  shape: number;
  /** What a cancel needs for the sender to believe it (TCP: the SEQ of a reset). */
  proof: number;
  /** STRAY: its sender waits for us and must be told, with `proof`. */
  isWaiting: boolean;
  /** CHALLENGE, STRAY: the word under which it is counted. */
  counted: IgnoredReason;
  /** REFUSAL that is kept as it came: how much it says, the highest is what the client gets. */
  rank: number;
  /** ANSWER and REFUSAL: which question of its flow it is about. */
  question: number;
  /** REFUSAL: its words, as its protocol needs them to repeat it to the client. */
  readonly words: Int32Array;
}

export function createJudgement(): Judgement {
  return {
    kind: JUDGEMENT.STRAY,
    proven: false,
    outcome: 'first-reply',
    shape: 0,
    proof: 0,
    isWaiting: false,
    counted: 'not-ours',
    rank: 0,
    question: 0,
    words: new Int32Array(4),
  };
}
