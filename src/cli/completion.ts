import type { Command, Option } from 'commander';
import { InvalidArgument, show } from '../util/index.js';

/** `rookery completion SHELL`: a script that makes the shell complete commands and options. */
export function completion(shell: string, program: Command): string {
  const commands = program.commands.filter((command) => command.name() !== 'help');
  if (shell === 'bash') return bash(commands);
  if (shell === 'zsh') return zsh(commands);
  if (shell === 'fish') return fish(commands);
  throw new InvalidArgument(`completion is for bash, zsh and fish, not for ${show(shell)}`);
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}
function flagsOf(option: Option): string[] {
  return [option.short, option.long].filter((flag) => flag !== undefined);
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const flags = optionsOf(command).flatMap(flagsOf).join(' ');
    return `    ${command.name()}) words="${flags}" ;;`;
  });
  return `# To use it: eval "$(rookery completion bash)"
_rookery() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == -- ]] && return
  done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${commands.map((command) => command.name()).join(' ')} --help --version" -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  [[ $cur == -* ]] && COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _rookery rookery
`;
}

function zsh(commands: readonly Command[]): string {
  const text = (words: string) => words.replaceAll("'", "'\\''");
  const described = (words: string) => text(words.replace(/[[\]:\\]/g, '\\$&'));
  const names = commands.map((command) => `    '${command.name()}:${described(command.summary())}'`);
  const cases = commands.map((command) => {
    const specs = optionsOf(command).flatMap((option) =>
      flagsOf(option).map((flag) => {
        const value = option.required || option.optional ? ':value:_files' : '';
        return `      '*${flag}[${described(option.description)}]${value}'`;
      }),
    );
    return `    ${command.name()}) _arguments -S \\\n${specs.join(' \\\n')} \\\n      '*:argument:_files' ;;`;
  });
  return `#compdef rookery
# To use it: eval "$(rookery completion zsh)", after compinit
_rookery() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=\${words[2]}
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
compdef _rookery rookery
`;
}

function fish(commands: readonly Command[]): string {
  const quote = (words: string) => `'${words.replace(/[\\']/g, '\\$&')}'`;
  const lines = commands.flatMap((command) => [
    `complete -c rookery -n __fish_use_subcommand -f -a ${command.name()} -d ${quote(command.summary())}`,
    ...optionsOf(command).map((option) => {
      const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
      const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
      const value = option.required || option.optional ? ' -r' : '';
      return `complete -c rookery -n '__fish_seen_subcommand_from ${command.name()}'${short}${long}${value} -d ${quote(option.description)}`;
    }),
  ]);
  return `# To use it: rookery completion fish | source\n${lines.join('\n')}\n`;
}
