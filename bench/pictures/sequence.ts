/** The picture of packets between a client, the gateway and the providers, in the order in which they were on the wire. */
import { arrow, renderSvg, text } from './svg.js';

/** 0: the client; from 1 on the providers. */
export type Lane = number;

/** One packet between the gateway and a lane. */
export interface Message {
  readonly atMs: number;
  readonly lane: Lane;
  /** Seen from the gateway. */
  readonly direction: 'out' | 'in';
  readonly label: string;
  /** Why it went no further; it is drawn with a cross. */
  readonly lost?: boolean;
}

/** What the gateway does between packets. */
export interface Remark {
  readonly atMs: number;
  readonly remark: string;
}

export type Step = Message | Remark;

export interface Sequence {
  readonly title: string;
  /** Names of the providers, in the order of their lanes. */
  readonly providers: readonly string[];
  readonly steps: readonly Step[];
}

const TIME = 70;
const CLIENT = 120;
const GATEWAY = 400;
const FIRST = 690;
const APART = 130;
const ROW = 26;
const TOP = 84;

export function sequencePicture({ title, providers, steps }: Sequence): string {
  const laneX = (lane: Lane): number => (lane === 0 ? CLIENT : FIRST + (lane - 1) * APART);
  const width = FIRST + (providers.length - 1) * APART + 80;
  const height = TOP + steps.length * ROW + 24;
  const body = [text({ x: 20, y: 28 }, title, 'ink title')];
  const lanes: readonly (readonly [number, string, string])[] = [
    [CLIENT, 'client', 'ink'],
    [GATEWAY, 'gateway', 'ink'],
    ...providers.map((name, at) => [laneX(at + 1), `server by ${name}`, `r${at + 1}`] as const),
  ];
  for (const [x, name, style] of lanes) {
    body.push(
      text({ x, y: 56 }, name, style, 'middle'),
      `<path class="line" stroke-dasharray="3 3" d="M${x} 64V${height - 14}"/>`,
    );
  }
  steps.forEach((step, at) => {
    const y = TOP + at * ROW + 12;
    body.push(text({ x: TIME - 8, y: y + 4 }, `${step.atMs.toFixed(1)} ms`, 'soft small', 'end'));
    if ('remark' in step) {
      body.push(text({ x: GATEWAY - 12, y: y + 4 }, step.remark, 'soft small', 'end'));
      return;
    }
    const { lane, direction, label, lost = false } = step;
    const ends = [
      { x: GATEWAY, y },
      { x: laneX(lane), y },
    ] as const;
    const [from, to] = direction === 'out' ? ends : [ends[1], ends[0]];
    const middle = lane === 0 ? (CLIENT + GATEWAY) / 2 : (GATEWAY + FIRST) / 2 - 12;
    body.push(arrow(from, to, `w${lane}`, lost), text({ x: middle, y: y - 4 }, label, 'ink small', 'middle'));
  });
  return renderSvg({
    width,
    height,
    title,
    description: steps.map((step) => said(step, providers)).join('; '),
    body,
  });
}

function said(step: Step, providers: readonly string[]): string {
  const at = `${step.atMs.toFixed(1)} ms`;
  if ('remark' in step) return `${at}: ${step.remark}`;
  const other = step.lane === 0 ? 'the client' : `the server by ${providers[step.lane - 1]}`;
  const lost = step.lost === true ? ' (lost on the way)' : '';
  return step.direction === 'out'
    ? `${at}: the gateway sends ${step.label} to ${other}${lost}`
    : `${at}: ${other} sends ${step.label}${lost}`;
}
