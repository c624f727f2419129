import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with "N passed, N failed"; what was skipped is said, with its number. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const count = (state: string) => states.filter((one) => one === state).length;
    const unopened = modules.filter((module) => module.errors().length > 0).length;
    const skipped = count('skipped') + count('pending');
    const failed = count('failed') + unopened + errors.length;
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`);
  }
}
