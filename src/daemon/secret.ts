/** What makes the engine's hashes its own: nobody outside can aim at collisions, or guess ports. */
import { randomBytes } from 'node:crypto';

/** Two random words, different in every run. */
export function newSecret(): readonly [number, number] {
  const bytes = randomBytes(8);
  return [bytes.readInt32LE(0), bytes.readInt32LE(4)];
}
