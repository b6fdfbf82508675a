/** A short share of `node dist/bench/fuzz.js`, whose long run is ten million and one million packets. Needs the build. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { DecoderReport } from '../../bench/fuzz-decoder.js';
import type { EngineReport } from '../../bench/fuzz-engine.js';
import type { SlowPathReport } from '../../bench/fuzz-slow-path.js';

const FUZZ = fileURLToPath(new URL('../../dist/bench/fuzz.js', import.meta.url));

interface Report {
  readonly seed: number;
  readonly decoder: DecoderReport;
  readonly engine: EngineReport;
  readonly slowPath: SlowPathReport;
}

function fuzz(...args: readonly string[]): { code: number | null; report: Report } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [FUZZ, '--json', ...args], {
    encoding: 'utf8',
  });
  // On a slow machine it tells how far it has come; nothing else is expected there.
  const words = stderr.split('\n').filter((line) => line !== '' && !/^[a-z ]+: \d+ of \d+, /.test(line));
  expect(words, `${FUZZ} ${args.join(' ')}`).toEqual([]);
  return { code: status, report: JSON.parse(stdout) as Report };
}

describe('fuzz', () => {
  it('200 000 hostile packets into the decoder break no promise', () => {
    const { code, report } = fuzz('--decoder', '200000');
    expect(report.decoder.failure, `seed ${report.seed}`).toBeNull();
    expect(report.decoder.packets).toBe(200_000);
    // Every reason was reached: the run proves something.
    for (const [reason, count] of Object.entries(report.decoder.reasons))
      expect([reason, count > 0]).toEqual([reason, true]);
    expect(code).toBe(0);
  });

  it('is the same run for the same seed', () => {
    const [one, other] = [1, 2].map(() => fuzz('--decoder', '20000', '--seed', '7').report.decoder);
    expect(one.reasons).toEqual(other.reasons);
    expect(one.built).toBe(other.built);
  });

  it('200 000 steps of whatever can happen into the engine break no promise', () => {
    const { code, report } = fuzz('--engine', '200000');
    expect(report.engine.failure, `seed ${report.seed}`).toBeNull();
    expect(report.engine.steps).toBe(200_000);
    expect(code).toBe(0);
  });

  it('20 000 hostile packets through a running gateway leave it as good as before', () => {
    const { code, report } = fuzz('--slow-path', '20000', '--time-limit', '60');
    expect(report.slowPath.failures, `seed ${report.seed}`).toEqual([]);
    expect(report.slowPath.races.active).toBe(0);
    expect(code).toBe(0);
    expect(readdirSync('/run/netns').filter((name) => name.startsWith('prfuzz-'))).toEqual([]);
  });
});
