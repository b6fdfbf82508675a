/**
 * Fuzzes the decoder, those of protocols (N payloads for each), the engine, sites with long round trips and the slow path: `node
 * dist/bench/fuzz.js [--decoder N] [--protocols N] [--engine N] [--patience N] [--slow-path N] [--seed N] [--time-limit SECONDS] [--json]`.
 * The slow path needs root. Exit code 1 on any broken promise.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ensurePrivileges } from '../lab/privileges.js';
import { PathraceError } from '../src/model/errors.js';
import { type DecoderReport, fuzzDecoder } from './fuzz-decoder.js';
import { describeEngine, type EngineReport, fuzzEngine } from './fuzz-engine.js';
import { fuzzPatience, type PatienceReport } from './fuzz-patience.js';
import type { ProtocolReport } from './fuzz-payloads.js';
import { fuzzProtocols } from './fuzz-protocols.js';
import { fuzzSlowPath, type SlowPathReport } from './fuzz-slow-path.js';
import { counts } from './fuzz-words.js';

const DEFAULTS = {
  decoder: 10_000_000,
  /** For each of them. */
  protocols: 10_000_000,
  engine: 10_000_000,
  patience: 100_000,
  slowPath: 1_000_000,
  timeLimitSeconds: 900,
} as const;
/** Heap growth of the decoder over nine tenths of a run, MB; one byte lost per packet is 9 in ten million. */
const DECODER_GROWTH_MB = 8;

/** Runs all parts, or those that are named; the exit code. */
export async function runFuzz(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  const print = (line: string): void => void (options.json || process.stdout.write(`${line}\n`));
  let failed = false;
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  const report: {
    seed: number;
    decoder?: DecoderReport;
    protocols?: readonly ProtocolReport[];
    engine?: EngineReport;
    patience?: PatienceReport;
    slowPath?: SlowPathReport;
  } = { seed: options.seed };
  print(`seed ${options.seed}`);
  if (options.decoder > 0) {
    report.decoder = fuzzDecoder(options.decoder, options.seed);
    failed = describeDecoder(report.decoder, print) || failed;
  }
  if (options.protocols > 0) {
    report.protocols = fuzzProtocols(options.protocols, options.seed, onProgress);
    for (const protocol of report.protocols) failed = describeProtocol(protocol, print) || failed;
  }
  if (options.engine > 0) {
    report.engine = fuzzEngine({ count: options.engine, seed: options.seed, onProgress });
    failed = describeEngine(report.engine, print) || failed;
  }
  if (options.patience > 0) {
    report.patience = fuzzPatience(options.patience, options.seed, onProgress);
    failed = describePatience(report.patience, print) || failed;
  }
  if (options.slowPath > 0) {
    ensurePrivileges();
    const { seed, timeLimitMs } = options;
    report.slowPath = await fuzzSlowPath({ count: options.slowPath, seed, timeLimitMs, onProgress });
    failed = describeSlowPath(report.slowPath, print) || failed;
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  return failed ? 1 : 0;
}

const PARTS = ['decoder', 'protocols', 'engine', 'patience', 'slow-path'] as const;

interface Options {
  readonly decoder: number;
  readonly protocols: number;
  readonly engine: number;
  readonly patience: number;
  readonly slowPath: number;
  readonly seed: number;
  readonly timeLimitMs: number;
  readonly json: boolean;
}

/** Naming one part leaves out the others. */
function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      decoder: { type: 'string' },
      protocols: { type: 'string' },
      engine: { type: 'string' },
      patience: { type: 'string' },
      'slow-path': { type: 'string' },
      seed: { type: 'string' },
      'time-limit': { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const named = PARTS.some((name) => values[name] !== undefined);
  const part = (name: (typeof PARTS)[number], fallback: number): number =>
    values[name] === undefined ? (named ? 0 : fallback) : readCount(name, values[name]);
  return {
    decoder: part('decoder', DEFAULTS.decoder),
    protocols: part('protocols', DEFAULTS.protocols),
    engine: part('engine', DEFAULTS.engine),
    patience: part('patience', DEFAULTS.patience),
    slowPath: part('slow-path', DEFAULTS.slowPath),
    seed: values.seed === undefined ? Math.floor(Math.random() * 0x7fffffff) : readCount('seed', values.seed),
    timeLimitMs: 1000 * readCount('time-limit', values['time-limit'] ?? String(DEFAULTS.timeLimitSeconds)),
    json: values.json === true,
  };
}

function readCount(name: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new PathraceError('E_ARGUMENT', `--${name} is not a number.`, {
    found: text,
    expected: 'a whole number',
  });
}

function describeDecoder(report: DecoderReport, print: (line: string) => void): boolean {
  const { packets, perSecond, built, reasons, heapMb, failure } = report;
  const grown = heapMb[1] - heapMb[0] > DECODER_GROWTH_MB;
  print(
    `decoder: ${packets} packets, ${perSecond} packets/s, ${built} built, heap ${heapMb.join(' -> ')} MB`,
  );
  print(`  ${counts(reasons)}`);
  if (failure !== null) print(`  FAILED at packet ${packets}: ${failure.why}\n  ${failure.packet}`);
  if (grown) print('  FAILED: the heap grows');
  return failure !== null || grown;
}

function describeProtocol(report: ProtocolReport, print: (line: string) => void): boolean {
  const { name, payloads, perSecond, taken, slowestMicros, heapMb, failure } = report;
  const grown = heapMb[1] - heapMb[0] > DECODER_GROWTH_MB;
  const share = Math.round((100 * taken) / Math.max(1, payloads));
  print(
    `${name}: ${payloads} payloads, ${perSecond}/s, ${share} % taken, ${slowestMicros} us at most, heap ${heapMb.join(' -> ')} MB`,
  );
  if (failure !== null) print(`  FAILED at payload ${payloads}: ${failure.why}\n  ${failure.payload}`);
  if (grown) print('  FAILED: the heap grows');
  return failure !== null || grown;
}

function describePatience(report: PatienceReport, print: (line: string) => void): boolean {
  const { connections, sites, mostLateMs, failure } = report;
  print(
    `patience: ${connections} connections of ${sites} sites, at most ${Math.round(mostLateMs)} ms later than a round trip of the slowest route`,
  );
  if (failure !== null) print(`  FAILED with seed ${failure.seed}: ${failure.why}`);
  return failure !== null;
}

function describeSlowPath(report: SlowPathReport, print: (line: string) => void): boolean {
  const { injected, seconds, reached, share, lost, copies, residentMb, canaries } = report;
  const rate = Math.round(injected / seconds);
  print(
    `slow path: ${injected} packets in ${seconds} s (${rate}/s), ${reached} reached the daemon (${Math.round(share * 100)} %)`,
  );
  print(`  injected: ${counts(report.kinds)}`);
  print(`  ${copies} copies out, ${lost} over the queue's length, resident ${residentMb.join(' -> ')} MB`);
  const { single, ...races } = report.races;
  print(`  races: ${counts(races)}; without a race: ${counts(single)}`);
  print(`  dropped: ${counts(report.dropped)}`);
  print(`  ignored: ${counts(report.ignored)}`);
  print(`  real connections meanwhile: ${canaries.tried}, failed ${canaries.failed}`);
  for (const failure of report.failures) print(`  FAILED: ${failure}`);
  return report.failures.length > 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  // A signal ends the process; the janitor of the topology sees that and removes everything.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  runFuzz(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(
        `${error instanceof PathraceError ? error.toString() : String((error as Error).stack ?? error)}\n`,
      );
      process.exit(1);
    },
  );
}
