import { after, before, describe } from 'node:test';
import { closeConnections, Process, SshProcess, Testbed, type Command, type ProcessOptions } from 'rookery';

/** What the suite runs against: makes processes of one kind, all of which must behave alike. */
export interface Subject {
  readonly name: string;
  readonly remote: boolean;
  /** ssh2's server, which the embedded testbed is, takes packets of 35,000 bytes at most; OpenSSH and Linux take more than 100 kB. */
  readonly longestArgument: number;
  readonly make: (command: Command, options?: ProcessOptions) => Process | SshProcess;
}

/** Failures are what is tested here: they need no warnings. */
const quiet: ProcessOptions = {
  ...{ logExitCode: false, logTimeout: false, logError: false, logExpectFail: false, logWriteError: false },
};

export function localSubject(run: (subject: Subject) => void): void {
  describe('contract: Process', () => {
    run({
      name: 'Process',
      longestArgument: 120_000,
      remote: false,
      make: (command, options) => new Process(command, { ...quiet, ...options }),
    });
  });
}

export function remoteSubject(
  transport: 'ssh2' | 'openssh',
  backend: 'embedded' | 'sshd',
  run: (subject: Subject) => void,
): void {
  const name = `SshProcess, ${transport}, ${backend} testbed`;
  describe(`contract: ${name}`, () => {
    let bed: Testbed;
    before(async () => {
      bed = await Testbed.start({ hosts: 1, backend });
    });
    after(async () => {
      await closeConnections();
      await bed.stop();
    });
    const connectionParams = { transport };
    run({
      name,
      remote: true,
      longestArgument: backend === 'embedded' ? 30_000 : 120_000,
      make: (command, options) =>
        new SshProcess(command, bed.hosts[0]!, { ...quiet, connectionParams, ...options }),
    });
  });
}
