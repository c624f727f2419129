import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, binaryPath } from './paths.ts';
import { Program } from './program.ts';

export interface DemoEmployee {
  name: string;
  email: string;
  password: string;
  role: string;
  admin: boolean;
  ownerId: string;
}

/** What DIR/demo.json says. */
export interface DemoFile {
  appURL: string;
  crmURL: string;
  crmToken: string;
  widgetURL: string;
  channelKey: string;
  employees: DemoEmployee[];
}

/** A running `switchboard demo`. */
export class Demo {
  readonly #folder: string;
  readonly #language: string;
  #program: Program;
  file: DemoFile;

  private constructor(folder: string, language: string, program: Program, file: DemoFile) {
    this.#folder = folder;
    this.#language = language;
    this.#program = program;
    this.file = file;
  }

  static async start(language = 'en'): Promise<Demo> {
    const folder = freshFolder('demo');
    const program = run(folder, language, ['--listen', '127.0.0.1:0', '--crm-listen', '127.0.0.1:0', '--fresh']);
    return new Demo(folder, language, program, await ready(program, folder));
  }

  /** Ends it and starts it again on the same addresses, with its data. */
  async restart(): Promise<void> {
    await this.#program.stop();
    const listen = ['--listen', new URL(this.file.appURL).host, '--crm-listen', new URL(this.file.crmURL).host];
    this.#program = run(this.#folder, this.#language, listen);
    this.file = await ready(this.#program, this.#folder);
  }

  /** The employees with a role, in the order of the file. */
  having(role: string): DemoEmployee[] {
    return this.file.employees.filter((employee) => employee.role === role);
  }

  get administrator(): DemoEmployee {
    return one(this.file.employees.find((employee) => employee.admin));
  }

  output(): string {
    return this.#program.tail();
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}

function run(folder: string, language: string, listen: string[]): Program {
  const locale = language === 'ru' ? 'ru_RU.UTF-8' : 'en_GB.UTF-8';
  return new Program(binaryPath, ['demo', '--data', folder, ...listen], { LANG: locale });
}

async function ready(program: Program, folder: string): Promise<DemoFile> {
  await program.line(/switchboard is ready/, 60);
  return JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as DemoFile;
}

/** What must be there. */
export function one<T>(value: T | undefined, what = 'a value'): T {
  if (value === undefined) throw new Error(`${what} is missing`);
  return value;
}
