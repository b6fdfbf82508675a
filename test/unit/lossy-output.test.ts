import { describe, expect, it } from 'vitest';
import { type LineStream, LossyOutput } from '../../src/observe/lossy-output.js';

function made(): {
  output: LossyOutput;
  read: string[];
  reader: { state: 'reads' | 'left' | 'throws'; behind: number };
} {
  const read: string[] = [];
  const reader = { state: 'reads' as 'reads' | 'left' | 'throws', behind: 0 };
  const stream: LineStream = {
    write(text, done) {
      if (reader.state === 'throws') throw new TypeError('EIO');
      if (reader.state === 'left') return done?.(new TypeError('EPIPE'));
      read.push(text);
      done?.(null);
    },
    get writableLength() {
      return reader.behind;
    },
  };
  return { output: new LossyOutput(stream, (dropped) => `${dropped} lost\n`), read, reader };
}

describe('output whose reader may leave', () => {
  it.each(['left', 'throws'] as const)(
    'drops and counts while the reader has gone (%s), and says so when it is back',
    (state) => {
      const { output, read, reader } = made();
      output.write('1\n');
      reader.state = state;
      output.write('2\n');
      output.write('3\n');
      expect(output.dropped).toBe(2);
      reader.state = 'reads';
      output.write('4\n');
      output.write('5\n');
      expect(read).toEqual(['1\n', '4\n', '2 lost\n', '5\n']);
      expect(output.dropped).toBe(2);
    },
  );

  it('does not pile up what a reader that hangs does not take', () => {
    const { output, read, reader } = made();
    reader.behind = 2 << 20;
    output.write('1\n');
    expect([output.dropped, read]).toEqual([1, []]);
    reader.behind = 0;
    output.write('2\n');
    expect(read).toEqual(['2\n', '1 lost\n']);
  });
});
