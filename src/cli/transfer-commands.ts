import type { Command } from 'commander';
import { addHostOptions, collect } from './host-options.js';

/** `rookery put`, `get` and `fanout`. */
export function addTransferCommands(program: Command): void {
  const add = (name: 'put' | 'get' | 'fanout', summary: string, description: string, examples: string) => {
    const command = addHostOptions(program.command(name))
      .summary(summary)
      .description(description)
      .argument('<path...>', 'the files, and last where they go')
      .optionsGroup('Output (bars on a terminal, from 21 hosts on one for all; else lines):')
      .option('--json', 'a line of JSON for each host')
      .option('-q, --quiet', 'no progress, no list of failures')
      .option('--failed-to <file>', 'write the failed hosts there')
      .option('--report <file>', 'write a report there, for rookery report')
      .optionsGroup('Copying:')
      .option('-c, --concurrency <n>', 'so many hosts at a time (default: all)')
      .option('-t, --timeout <time>', 'give up a host after so long: 10s, 5m, 1:30:00')
      .option('--var <name=values>', 'values, by commas, of {{name}} in the paths', collect)
      .addHelpText('after', `\nExamples:\n${examples}\n`)
      .action(async (paths: string[], options: object) => {
        const commands = await import('./transfer.js');
        process.exitCode = await commands[name](paths, options);
      });
    return command;
  };
  add(
    'put',
    'copy files to many hosts',
    'Copies files and folders to many hosts. FOLDER/ stands for what is in it.',
    `  rookery put -w 'node[1-9]' build/ config.json /srv/app/`,
  ).option('--verify <how>', 'size, sha256 or none (default: size)');
  add(
    'get',
    'copy files from many hosts',
    'Copies files from many hosts; several get a folder each in the last PATH.',
    `  rookery get -w 'node[1-9]' '/var/log/app/*.log' logs\n  rookery get -w 'node[1-9]' /etc/fstab 'fstab-{{{host}}}'`,
  ).option('--verify <how>', 'size, sha256 or none (default: size)');
  add(
    'fanout',
    'copy big files to very many hosts, which pass them on',
    'Copies to many hosts that pass it on: as a swarm (BitTorrent), or a chain.',
    `  rookery fanout -w 'node[1-500]' image.qcow2 /var/lib/images/`,
  )
    .option('--chain', 'host to host in a row, by nothing but SSH and tar')
    .option('--seeder <host>', 'the files lie on this host')
    .option('--resume', 'keep what has arrived, for the next time')
    .option('--previous <path>', 'take what is the same from this old version');
}
