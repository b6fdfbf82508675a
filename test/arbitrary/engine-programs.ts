/** Programs of everything that can happen to an engine (bench/engine/steps.ts), as fast-check draws and shrinks them. */
import fc from 'fast-check';
import type { Field, Scalar, Shape } from '../../bench/engine/shapes.js';
import { START, STEPS, type Start, type Step, type StepKind, WEIGHTS } from '../../bench/engine/steps.js';
import { word } from './packets.js';

function field(values: Field): fc.Arbitrary<Scalar> {
  return values === 'word' ? word : fc.constantFrom(...values);
}

function record(shape: Shape): fc.Arbitrary<Record<string, Scalar>> {
  return fc.record(Object.fromEntries(Object.entries(shape).map(([name, values]) => [name, field(values)])));
}

export const start = record(START) as unknown as fc.Arbitrary<Start>;

export const step: fc.Arbitrary<Step> = fc.oneof(
  ...(Object.keys(STEPS) as StepKind[]).map((kind) => ({
    weight: WEIGHTS[kind],
    arbitrary: record(STEPS[kind]).map((fields) => ({ kind, ...fields }) as unknown as Step),
  })),
);

export function steps(maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(step, { maxLength, size: 'max' });
}
