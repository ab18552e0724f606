// The commands on one page: a line for each, in the order in which they are needed. Their own help has the rest.
import type { Command } from 'commander';

/** By the command's name: its group, and a line. */
export const SUMMARIES: Readonly<Record<string, readonly [group: string, line: string]>> = {
  demo: ['Experiments', 'reproduce the finding in miniature, in a few minutes'],
  init: ['Experiments', 'write a commented experiment file'],
  plan: ['Experiments', 'say what an experiment would do and take'],
  run: ['Experiments', 'run an experiment, or continue it'],
  ui: ['Experiments', 'follow runs live in a browser'],
  runs: ['Runs', 'list runs'],
  show: ['Runs', 'inspect a run: stages, artifacts, questions'],
  compare: ['Runs', 'lay runs side by side, with paired differences'],
  report: ['Runs', 'make the page of a run anew'],
  signals: ['Runs', 'say how far signals can be trusted'],
  gc: ['Runs', 'free what runs need no more'],
  train: ['Parts', 'train an adapter on groups of scored solutions'],
  eval: ['Parts', 'measure a model, with or without adapters'],
  judge: ['Parts', 'judge solutions from anywhere'],
  model: ['Parts', 'fetch and describe models'],
  export: ['Parts', 'write models and data sets for other programs'],
  push: ['Parts', 'upload an adapter, results or a report to the hub'],
  miniature: ['Parts', 'build a tiny base model of your own'],
  doctor: ['Help', 'say what this machine can compute on'],
  completion: ['Help', 'make a shell complete commands, files and runs'],
};

/** Gives every command its line and its group, and puts them in order. */
export function summarise(program: Command): void {
  const order = Object.keys(SUMMARIES);
  for (const command of program.commands) {
    const [group, line] = SUMMARIES[command.name()] ?? [];
    if (group !== undefined && line !== undefined) command.helpGroup(`${group}:`).summary(line);
  }
  program.helpCommand('help [command]', 'the help of a command').commandsGroup('Help:');
  const rank = (command: Command): number =>
    (order.indexOf(command.name()) + order.length + 1) % (order.length + 1);
  program.configureHelp({
    visibleCommands: (command) => {
      const visible = command.commands.filter((each) => !('_hidden' in each && each._hidden === true));
      return command === program ? visible.sort((left, right) => rank(left) - rank(right)) : visible;
    },
  });
}
