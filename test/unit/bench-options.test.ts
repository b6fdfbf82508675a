import { describe, expect, test } from 'vitest';
import { HELP, parseOptions } from '../../bench/options.js';

describe('what the bench is asked for', () => {
  test('nothing said: the budgets, at full length', () => {
    const { only, ...rest } = parseOptions([]);
    expect([...only]).toEqual(['rate', 'connect', 'throughput', 'faults', 'memory', 'soak']);
    expect(rest).toEqual({ quick: false, json: false, help: false, soakSeconds: 60 });
  });

  test('comparisons by name, and a soak as long as said', () => {
    const options = parseOptions(['--quick', '--only', 'compare-rate,soak', '--soak', '7']);
    expect([...options.only]).toEqual(['compare-rate', 'soak']);
    expect(options.soakSeconds).toBe(7);
    expect(parseOptions(['--quick']).soakSeconds).toBe(10);
    for (const name of options.only) expect(HELP).toContain(name);
  });

  test.each([
    [['--only', 'compare-rates'], /--only does not allow "compare-rates".*Expected: .*compare-rate,/],
    [['--soak', 'long'], /--soak does not allow "long".*Expected: whole seconds/],
    [['--soak', '0'], /--soak does not allow "0"/],
    [['--fast'], /Unknown option '--fast'/],
    [['rate'], /Unexpected argument 'rate'/],
  ])('%j measures nothing', (args, message) => {
    try {
      parseOptions(args);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toMatch(message);
      expect(String(error)).toMatch(/^E_ARGUMENT: bench: /);
    }
  });
});
