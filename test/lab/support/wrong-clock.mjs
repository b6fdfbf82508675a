// Loaded before everything else by every thread of a gateway: the wall clock is wrong by what a file says, in milliseconds. The
// machine's own clock belongs to everybody, so no test may set it.
import { readFileSync } from 'node:fs';

const Right = Date;
const path = process.env.PATHRACE_TEST_CLOCK;

function wrongMs() {
  try {
    return Number(readFileSync(path, 'utf8')) || 0;
  } catch {
    return 0;
  }
}

if (path !== undefined) {
  globalThis.Date = class Date extends Right {
    constructor(...given) {
      if (given.length === 0) super(Date.now());
      else super(...given);
    }

    static now() {
      return Right.now() + wrongMs();
    }
  };
}
