/** What a packet gets whose handling broke: plain routing, as if we were not there. */
import type { Input, Verdict } from './contract.js';
import { countSingle } from './shard.js';
import type { Turn } from './turn.js';
import * as verdict from './verdict.js';

export function plainVerdict(turn: Turn, input: Input): Verdict {
  if (input.kind === 'answer') return input.known ? verdict.pass(turn) : verdict.drop(turn);
  if (input.kind === 'outcome') return verdict.drop(turn);
  if (input.kind === 'client') return verdict.passForGood(turn);
  countSingle(turn.shard, 'internal-error');
  return input.tried !== 0 ? verdict.pass(turn) : verdict.release(turn, 0, 'internal-error', 0);
}
