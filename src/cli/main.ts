#!/usr/bin/env node
// What this file imports is loaded for `rookery --help` too: the commands load what they need when they run.
import { CommanderError } from 'commander';
import { exitCodes } from './exit-codes.js';
import { makeProgram } from './program.js';

// The reader has gone (`rookery run … | head`): nobody is left to work for, as for a program that SIGPIPE ends.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe);
    throw error;
  });
}

try {
  await makeProgram().parseAsync();
} catch (error) {
  process.exitCode = complain(error);
}

function complain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const known = error instanceof Error && 'code' in error && typeof error.code === 'string';
  if (!known) {
    console.error(error);
    return exitCodes.internal;
  }
  console.error(`rookery: ${error.message}`);
  return error.code === 'ERR_INVALID_ARGUMENT' ? exitCodes.usage : exitCodes.internal;
}
