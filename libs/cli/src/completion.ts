// Shell completion, written from the definitions of the commands: a script that needs no process of ours to complete a word.
import type { Argument, Command, Option } from 'commander';

/** The shells that are known. */
export type Shell = 'bash' | 'zsh' | 'fish';

/** What a word can be: one of several, a file, a folder, a run, or anything. */
type Kind = 'choice' | 'file' | 'folder' | 'run' | 'stage' | 'text';

interface Value {
  readonly kind: Kind;
  readonly choices: readonly string[];
}

interface CompletedOption {
  /** For example ["-y", "--yes"]. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for a switch. */
  readonly value: Value | undefined;
}

interface CompletedCommand {
  /** For example "model fetch"; "" is the program itself. */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** Of each argument; the last one counts for all that follow where it is variadic. */
  readonly values: readonly Value[];
}

/** The script. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = collect(program, '');
  const name = program.name();
  switch (shell) {
    case 'bash':
      return bashScript(name, commands);
    case 'zsh':
      return zshScript(name, commands);
    case 'fish':
      return fishScript(name, commands);
  }
}

function collect(command: Command, path: string): CompletedCommand[] {
  const subcommands = command.commands.map((each) => ({ name: each.name(), description: summary(each) }));
  const own: CompletedCommand = {
    path,
    description: summary(command),
    commands: subcommands,
    options: [
      ...command.options.map(optionOf),
      { flags: ['-h', '--help'], description: 'help for the command', value: undefined },
    ],
    values: command.registeredArguments.map(valueOf),
  };
  return [own, ...command.commands.flatMap((each) => collect(each, `${path} ${each.name()}`.trim()))];
}

/** The first sentence. */
function summary(command: Command): string {
  return command.summary() || firstSentence(command.description());
}

function firstSentence(text: string): string {
  return (/^.*?[.:](?= |$)/.exec(text)?.[0] ?? text).replace(/[.:]$/, '');
}

function optionOf(option: Option): CompletedOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined && flag !== null);
  const placeholder = /<(\S+)>/.exec(option.flags)?.[1];
  const description = firstSentence(option.description);
  if (placeholder === undefined) return { flags, description, value: undefined };
  return { flags, description, value: kindOf(placeholder, option.description, option.argChoices) };
}

function valueOf(argument: Argument): Value {
  return kindOf(argument.name(), argument.description, argument.argChoices);
}

function kindOf(placeholder: string, description: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined && choices.length > 0) return { kind: 'choice', choices };
  const kinds: Readonly<Record<string, Kind>> = {
    run: 'run',
    runs: 'run',
    folders: 'run',
    what: 'stage',
    folder: /run folder/.test(description) ? 'run' : 'folder',
    file: 'file',
    experiment: 'file',
    path: 'file',
    task: 'file',
    questions: 'file',
    dataset: 'file',
    model: 'file',
    adapter: 'file',
  };
  return { kind: kinds[placeholder] ?? 'text', choices: [] };
}

/** Stages of a run, for `show`. */
const STAGES = [
  'sample',
  'saturate',
  'compare',
  'score',
  'dataset',
  'assess',
  'train',
  'evaluate',
  'questions',
];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function words(value: Value | undefined): readonly string[] {
  if (value?.kind === 'stage') return STAGES;
  return value?.kind === 'choice' ? value.choices : [];
}

function bashScript(name: string, commands: readonly CompletedCommand[]): string {
  const complete = (value: Value | undefined): string => {
    if (value === undefined) return '';
    if (words(value).length > 0)
      return `COMPREPLY=($(compgen -W ${quoted(words(value).join(' '))} -- "$cur"))`;
    if (value.kind === 'run') return '_overtone_runs';
    if (value.kind === 'folder') return 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$cur"))';
    return value.kind === 'file'
      ? 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur"))'
      : 'COMPREPLY=()';
  };
  const cases = commands.map(({ path, commands: below, options, values }) => {
    const valued = options.filter(({ value }) => value !== undefined);
    const last = values.at(-1);
    return `    ${quoted(path)})
      case "$prev" in
${valued.map(({ flags, value }) => `        ${flags.join('|')}) ${complete(value)}; return ;;`).join('\n')}
      esac
      if [[ "$cur" == -* ]]; then
        COMPREPLY=($(compgen -W ${quoted(options.flatMap(({ flags }) => flags).join(' '))} -- "$cur"))
        return
      fi
${below.length > 0 ? `      COMPREPLY=($(compgen -W ${quoted(below.map((each) => each.name).join(' '))} -- "$cur"))` : `      case "$place" in\n${values.map((value, index) => `        ${index}) ${complete(value)} ;;`).join('\n')}\n        *) ${complete(last) || ':'} ;;\n      esac`}
      ;;`;
  });
  const paths = commands.map(({ path }) => path).filter((path) => path !== '');
  const valued = [
    ...new Set(
      commands.flatMap(({ options }) =>
        options.flatMap(({ flags, value }) => (value === undefined ? [] : flags)),
      ),
    ),
  ];
  return `# Completion of ${name} for bash.
_overtone_runs() {
  local manifest
  compopt -o filenames
  # Runs are usually below "runs"; elsewhere, any folder may hold one.
  if [[ -z "$cur" ]]; then
    for manifest in runs/*/manifest.json; do
      [[ -e "$manifest" ]] && COMPREPLY+=("\${manifest%/manifest.json}")
    done
  fi
  ((\${#COMPREPLY[@]})) || COMPREPLY=($(compgen -d -- "$cur"))
}
_overtone() {
  local cur prev command='' word place=0 skip=0 index
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if ((skip)); then skip=0; continue; fi
    case "$word" in
      ${valued.join('|')}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "\${command:+$command }$word" in
      ${paths.map(quoted).join('|')}) command="\${command:+$command }$word" ;;
      *) ((place += 1)) ;;
    esac
  done
  COMPREPLY=()
  case "$command" in
${cases.join('\n')}
  esac
}
complete -F _overtone ${name}
`;
}

function zshScript(name: string, commands: readonly CompletedCommand[]): string {
  const safe = (text: string): string =>
    text.replaceAll(/[[\]:\\'"\`$]/g, (sign) =>
      sign === "'" ? '’' : sign === '[' || sign === ']' || sign === ':' ? `\\${sign}` : '',
    );
  const action = (value: Value): string => {
    if (words(value).length > 0) return `(${words(value).join(' ')})`;
    return { run: '_overtone_runs', folder: '_files -/', file: '_files', choice: '', stage: '', text: ' ' }[
      value.kind
    ];
  };
  const functionOf = (path: string): string =>
    `_overtone${path === '' ? '' : `_${path.replaceAll(/\W/g, '_')}`}`;
  const functions = commands.map(({ path, commands: below, options, values }) => {
    const specs = options.map(({ flags, description, value }) => {
      const tail = `[${safe(description)}]${value === undefined ? '' : `:value:${action(value)}`}`;
      return flags.length > 1
        ? `'(${flags.join(' ')})'{${flags.join(',')}}'${tail}'`
        : `'${flags[0] ?? ''}${tail}'`;
    });
    if (below.length > 0)
      return `${functionOf(path)}() {
  local line state
  _arguments -C ${specs.join(' ')} '1:command:->command' '*::argument:->argument'
  case $state in
    command) _values 'command' ${below.map((each) => `'${each.name}[${safe(each.description)}]'`).join(' ')} ;;
    argument)
      case $line[1] in
${below.map((each) => `        ${each.name}) ${functionOf(`${path} ${each.name}`.trim())} ;;`).join('\n')}
      esac
      ;;
  esac
}`;
    const rest = values.at(-1);
    const places = values.map((value, index) => `'${index + 1}:argument:${action(value)}'`);
    const more = rest === undefined ? [] : [`'*:argument:${action(rest)}'`];
    return `${functionOf(path)}() {\n  _arguments ${[...specs, ...places, ...more].join(' \\\n    ')}\n}`;
  });
  return `#compdef ${name}
# Completion of ${name} for zsh.
_overtone_runs() {
  local -a runs
  runs=(runs/*/manifest.json(N:h))
  (( $#runs )) && compadd -- $runs
  _files -/
}
${functions.join('\n')}
if [ "$funcstack[1]" = "_${name}" ]; then _overtone "$@"; else compdef _overtone ${name}; fi
`;
}

function fishScript(name: string, commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ path, commands: below, options, values }) => {
    const at = `-n ${quoted(`__overtone_at ${path}`.trim())}`;
    const completions = below.map(
      (each) => `complete -c ${name} ${at} -f -a ${each.name} -d ${quoted(each.description)}`,
    );
    for (const { flags, description, value } of options) {
      const names = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      completions.push(
        `complete -c ${name} ${at} ${names.join(' ')}${value === undefined ? '' : ` -r ${source(value)}`} -d ${quoted(description)}`,
      );
    }
    for (const value of values) completions.push(`complete -c ${name} ${at} ${source(value)}`.trimEnd());
    return completions;
  });
  const paths = commands.map(({ path }) => path).filter((path) => path !== '');
  const valued = [
    ...new Set(
      commands.flatMap(({ options }) =>
        options.flatMap(({ flags, value }) => (value === undefined ? [] : flags)),
      ),
    ),
  ];
  return `# Completion of ${name} for fish.
function __overtone_at
    set -l command
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        if contains -- $word ${valued.join(' ')}
            set skip 1
            continue
        end
        set -l longer (string join ' ' $command $word)
        if contains -- $longer ${paths.map(quoted).join(' ')}
            set command $command $word
        end
    end
    test "$command" = "$argv"
end
function __overtone_runs
    for manifest in runs/*/manifest.json
        string replace /manifest.json '' $manifest
    end
    __fish_complete_directories
end
complete -c ${name} -n '__overtone_at' -f
${lines.join('\n')}
`;
}

/** Where fish takes the words of a value from. */
function source(value: Value): string {
  if (words(value).length > 0) return `-f -a ${quoted(words(value).join(' '))}`;
  switch (value.kind) {
    case 'run':
      return "-f -a '(__overtone_runs)'";
    case 'folder':
      return "-f -a '(__fish_complete_directories)'";
    case 'file':
      return '-F';
    default:
      return '-f';
  }
}
