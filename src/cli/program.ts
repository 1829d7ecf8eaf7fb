import { Command } from 'commander';
import { addHostOptions, collect } from './host-options.js';
import { formatHelp } from './help.js';
import { addTransferCommands } from './transfer-commands.js';
import { version } from './version.js';

/** The whole command line; what the commands do is loaded when one is run. */
export function makeProgram(): Command {
  const program = new Command('rookery')
    .description('Runs commands and copies files on many hosts at once, over SSH.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this, or the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ formatHelp })
    .addHelpText(
      'after',
      `
Examples:
  rookery run -w 'node[1-100]' -- uptime
  rookery run -w 'node[1-100]' -b -- uname -r
  rookery put -w 'node[1-9]' build/ /srv/app/
  rookery repl -w 'node[1-9]'
`,
    );
  program.usage('[COMMAND] [options]').argument('[words...]');
  program.action(async (words: string[]) => {
    if (words.length > 0) refuseCommand(words[0] as string, program);
    await startRepl({});
  });
  addRun(program);
  addTransferCommands(program);
  addTestbed(program);
  addRepl(program);
  addConfig(program);
  addCompletion(program);
  return program;
}

function refuseCommand(word: string, program: Command): never {
  const names = program.commands.map((command) => command.name());
  return program.error(`error: there is no command '${word}'; there are ${names.join(', ')}`);
}

function addRun(program: Command): void {
  addHostOptions(program.command('run'))
    .summary('run a command on many hosts')
    .description('Runs a command on many hosts. One word is for the shell; several are quoted.')
    .argument('<command...>', 'the command')
    .passThroughOptions()
    .optionsGroup('Output (live, with the host before each line, unless told otherwise):')
    .option('-b, --gather', 'equal outputs once, at the end')
    .option('--diff', 'as -b, other outputs as changes of the first')
    .option('--json', 'a line of JSON for each host')
    .option('-q, --quiet', 'only what the hosts write')
    .option('--failed-to <file>', 'write the failed hosts there')
    .option('--report <file>', 'write a report there, for rookery report')
    .optionsGroup('Running:')
    .option('-c, --concurrency <n>', 'so many hosts at a time (default: all)')
    .option('-t, --timeout <time>', 'end it on a host after so long: 10s, 5m, 1:30:00')
    .option('--stdin', 'send our standard input to each host')
    .option('--pty', 'give it a terminal')
    .option('--var <name=values>', 'values, by commas, of {{name}} in the command', collect)
    .addHelpText('after', runExamples)
    .action(async (command: string[], options: object) => {
      const { run } = await import('./run.js');
      process.exitCode = await run(command, options);
    });
}

const runExamples = `
Examples:
  rookery run -w 'node[1-9]' -b -- 'uname -r; df -h /'
  rookery run -w @web -c 10 --failed-to bad.txt -- systemctl restart nginx
`;

function addRepl(program: Command): void {
  addHostOptions(program.command('repl'))
    .summary('type JavaScript, with everything at hand (the default)')
    .description('A JavaScript session with the whole library and top-level await at hand.')
    .addHelpText('after', replExamples)
    .action(startRepl);
}

async function startRepl(options: object): Promise<void> {
  const { repl } = await import('./repl.js');
  process.exitCode = await repl(options);
}

const replExamples = `
Examples:
  rookery repl -w 'node[1-9]' -u root
    > a = await new Remote('uname -r', hosts).run()
    > .last
`;

function addTestbed(program: Command): void {
  program
    .command('testbed')
    .summary('SSH hosts on this machine, until Ctrl-C or for a command')
    .description('Starts SSH hosts on this machine, until Ctrl-C or for one command.')
    .argument('[command...]', 'run this, with the hosts at hand; its exit code is ours')
    .passThroughOptions()
    .option('-n, --number <n>', 'how many (default: 8)')
    .option('--backend <name>', 'auto, embedded, sshd or netns (default: auto)')
    .option('--rate <rate>', 'of the link of each host, such as 80mbit (takes netns)')
    .option('-u, --user <name>', 'account to log in to (takes sshd and root)')
    .addHelpText('after', testbedExamples)
    .action(async (command: string[], options: object) => {
      const { testbed } = await import('./testbed.js');
      process.exitCode = await testbed(command, options);
    });
}

const testbedExamples = `
Examples:
  rookery testbed -n 4
  rookery testbed -n 4 -- node experiment.js
  rookery testbed -n 4 -- 'rookery run -w "$ROOKERY_HOSTS" -- hostname'
`;

function addConfig(program: Command): void {
  program
    .command('config')
    .summary('what the configuration files say, and which of them')
    .description('Prints the merged configuration and where each value came from.')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  rookery config\n')
    .action(async (options: object) => {
      const { config } = await import('./config-command.js');
      process.exitCode = await config(options);
    });
}

function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('completion for bash, zsh or fish')
    .description('Prints a script that makes a shell complete commands and options.')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', '\nExamples:\n  rookery completion bash >>~/.bashrc\n')
    .action(async (shell: string) => {
      const { completion } = await import('./completion.js');
      process.stdout.write(completion(shell, program));
    });
}
