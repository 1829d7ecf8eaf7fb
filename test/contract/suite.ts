import { commands } from './commands.js';
import { endings } from './endings.js';
import { expecting } from './expecting.js';
import { input } from './input.js';
import { killing } from './killing.js';
import { lifeCycle } from './life-cycle.js';
import { output } from './output.js';
import type { Subject } from './subject.js';

/** Everything that a process promises, whatever carries it. */
export function suite(subject: Subject): void {
  for (const topic of [commands, endings, input, output, expecting, killing, lifeCycle]) topic(subject);
}
