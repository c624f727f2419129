import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { within } from './within.ts';

const stopSeconds = 20;
const keptLines = 400;

/** A program that a test started; stopped by its own id, its last lines kept to explain a failure. */
export class Program {
  readonly output: string[] = [];
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #wakers = new Set<() => void>();
  #isEnded = false;

  constructor(file: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.#name = `${file.split('/').pop()} ${args[0] ?? ''}`.trim();
    const { PATH, HOME, TMPDIR } = process.env;
    this.#child = spawn(file, args, { env: { PATH, HOME, TMPDIR, LANG: 'en_GB.UTF-8', ...env }, stdio: 'pipe' });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#heard(line));
    }
    this.#child.once('exit', () => {
      this.#isEnded = true;
      this.#wake();
    });
    process.once('exit', this.#kill);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The first line, said already or later, that the pattern finds. */
  async line(pattern: RegExp, seconds = 30): Promise<RegExpExecArray> {
    const look = () => {
      for (const line of this.output) {
        const found = pattern.exec(line);
        if (found) return found;
      }
      if (this.#isEnded) throw new Error(`${this.#name} ended before it said ${pattern}:\n${this.tail()}`);
      return undefined;
    };
    return within(seconds, `${this.#name} says ${pattern}`, this.#until(look), () => this.tail());
  }

  tail(lines = 30): string {
    return this.output.slice(-lines).join('\n');
  }

  /** Ends it as a person would, and waits; kills it when it does not listen. */
  async stop(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#isEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    this.#child.kill('SIGTERM');
    try {
      await within(stopSeconds, `${this.#name} ends after SIGTERM`, ended, () => this.tail());
    } catch (error) {
      this.#child.kill('SIGKILL');
      throw error;
    }
  }

  readonly #kill = () => this.#child.kill('SIGKILL');

  #heard(line: string): void {
    this.output.push(line);
    if (this.output.length > keptLines) this.output.splice(50, 1); // the first lines hold addresses
    this.#wake();
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
  }

  #until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const waker = () => {
        try {
          const found = look();
          if (found === undefined) return;
          this.#wakers.delete(waker);
          resolve(found);
        } catch (error) {
          this.#wakers.delete(waker);
          reject(error);
        }
      };
      this.#wakers.add(waker);
      waker();
    });
  }
}
