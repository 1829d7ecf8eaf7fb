import type { Command, Help, Option } from 'commander';

/** Help that fits a screen: one line for each option, groups under short headings, no blank lines that tell nothing. */
export function formatHelp(command: Command, helper: Help): string {
  const options = helper.visibleOptions(command);
  const commands = helper.visibleCommands(command).filter((one) => one.name() !== 'help');
  const rows = [
    ...options.map((option) => option.flags),
    ...commands.map((one) => `${one.name()} ${usageOf(one)}`),
  ];
  const width = Math.min(30, Math.max(...rows.map((flags) => flags.length)));
  const row = (left: string, right: string) => `  ${left.padEnd(width)}  ${right}`;
  const lines = [`Usage: ${helper.commandUsage(command)}`, helper.commandDescription(command)];
  if (commands.length > 0) {
    lines.push('', 'Commands:');
    for (const one of commands) lines.push(row(`${one.name()} ${usageOf(one)}`, one.summary()));
  }
  for (const [heading, group] of groups(options)) {
    lines.push(...(heading === 'Options:' ? [''] : ['', heading]));
    for (const option of group) lines.push(row(option.flags, option.description));
  }
  return `${lines.join('\n')}\n`;
}

function usageOf(command: Command): string {
  return command.registeredArguments
    .map((argument) => {
      const name = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`;
      return argument.required ? name : `[${name}]`;
    })
    .join(' ');
}

function groups(options: readonly Option[]): Map<string, Option[]> {
  const found = new Map<string, Option[]>();
  for (const option of options) {
    const heading = option.helpGroupHeading ?? 'Options:';
    const group = found.get(heading);
    if (group) group.push(option);
    else found.set(heading, [option]);
  }
  return found;
}
