/**
 * Questions and answers between the lab and its child processes, over Node's own channel.
 * A child ends when the channel closes, so it never outlives the lab.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type RunResult, start, type Task } from './exec.js';

type Handler = (argument: never) => unknown;

/** The child's side: one function per question. */
export function serve(handlers: Record<string, Handler>): void {
  process.on('message', (message: { id: number; ask: string; argument: unknown }) => {
    void answer(handlers, message).then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => process.exit(0));
}

async function answer(
  handlers: Record<string, Handler>,
  { id, ask, argument }: { id: number; ask: string; argument: unknown },
): Promise<object> {
  try {
    const handler = handlers[ask];
    if (handler === undefined) throw new Error(`unknown question ${ask}`);
    return { id, value: await handler(argument as never) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** The lab's side of one child. */
export interface Child {
  readonly task: Task;
  ask<Value>(question: string, argument?: unknown): Promise<Value>;
  stop(): Promise<RunResult>;
}

/** Starts `lab/<script>.js` in a namespace. */
export function startChild(namespace: string, script: string): Child {
  const task = start(namespace, [process.execPath, compiledPath(script)], {}, [
    'pipe',
    'pipe',
    'pipe',
    'ipc',
  ]);
  // BOUNDED: one per question that is under way.
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (why: Error) => void }>();
  let lastId = 0;
  task.child.on('message', (message: { id: number; value?: never; error?: string }) => {
    const promise = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error !== undefined) promise?.reject(new Error(message.error));
    else promise?.resolve(message.value as never);
  });
  void task.done.then((result) => {
    const why = new Error(`${script} ended with ${result.code ?? result.signal}\n${result.stderr}`);
    for (const { reject } of waiting.values()) reject(why);
    waiting.clear();
  });
  return {
    task,
    ask: (question, argument) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        task.child.send({ id, ask: question, argument }, (error) => {
          if (error && waiting.delete(id)) reject(new Error(`${script}: ${error.message}\n${task.stderr()}`));
        });
      }),
    stop: () => task.stop(1000),
  };
}

/** Children run compiled, also when a test runs the lab from its sources. */
function compiledPath(script: string): string {
  const here = fileURLToPath(import.meta.url);
  const compiled = here.endsWith('.ts')
    ? fileURLToPath(new URL(`../dist/lab/${script}.js`, import.meta.url))
    : fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  if (!existsSync(compiled)) throw new Error(`${compiled} is missing: run "npm run build" first`);
  return compiled;
}
