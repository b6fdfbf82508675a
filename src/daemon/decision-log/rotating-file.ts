/** A file that lines are added to, and that is put aside when it is full: `FILE.1` is the one before, `FILE.2` the one before that. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DecisionLogConfig } from '../../model/config.js';
import { PathraceError } from '../../model/errors.js';
import { codeOf } from '../store/replace-file.js';

/** `FILE.N` above what is kept, left by an earlier configuration: so many are looked for. */
const MOST_KEPT = 100;

export class RotatingFile {
  private file: FileHandle | null = null;
  private bytes = 0;
  /** It may end in the middle of a line. */
  private torn = false;

  constructor(private readonly options: DecisionLogConfig) {}

  /** Adds lines, each with its end. One call at a time. Throws as the file system does; none of them is in the file then. */
  async add(text: string): Promise<void> {
    const { size } = this.options;
    this.file ??= await this.open();
    const lines = Buffer.from(this.torn ? `\n${text}` : text);
    if (this.bytes > 0 && this.bytes + lines.length > size) {
      await this.turn();
      this.file ??= await this.open();
    }
    await this.write(this.file, lines);
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.close();
  }

  /** All of it, or nothing: a disk that is full takes the beginning of a line. */
  private async write(file: FileHandle, lines: Buffer): Promise<void> {
    try {
      for (let at = 0; at < lines.length; ) at += (await file.write(lines, at)).bytesWritten;
    } catch (error) {
      this.torn = await file.truncate(this.bytes).then(
        () => this.torn,
        () => true,
      );
      throw error;
    }
    this.bytes += lines.length;
    this.torn = false;
  }

  private async open(): Promise<FileHandle> {
    const { file: path } = this.options;
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
    // Nobody waits for a reader of a pipe, and nobody follows a link that somebody else has put there.
    const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o640);
    const stat = await file.stat();
    if (!stat.isFile()) {
      await file.close();
      throw new PathraceError('E_ARGUMENT', `${path} is not a regular file.`);
    }
    this.bytes = stat.size;
    return file;
  }

  private async turn(): Promise<void> {
    const { file: path, keep } = this.options;
    await this.close();
    for (let number = keep; number >= 1; number--)
      await renameIfThere(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`);
    if (keep === 0) await rm(path, { force: true });
    for (let number = keep + 1; number <= MOST_KEPT; number++) await rm(`${path}.${number}`, { force: true });
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
