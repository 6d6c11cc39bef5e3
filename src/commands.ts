import { ICommandPalette } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { challengesIcon, feedbackIcon, leaderboardIcon, sandboxIcon, submitIcon } from './icons';

export namespace CommandIDs {
  export const submit = 'challengehub:submit';
  export const showChallenges = 'challengehub:show-challenges';
  export const showFeedback = 'challengehub:show-feedback';
  export const showLeaderboard = 'challengehub:show-leaderboard';
  export const showAttempts = 'challengehub:show-attempts';
  export const showSandbox = 'challengehub:show-sandbox';
}

/** What the commands do. */
export interface IActions {
  canSubmit: () => boolean;
  submit: () => void;
  showChallenges: () => void;
  showFeedback: () => void;
  showLeaderboard: () => void;
  /** Whether there is a challenge's notebook in front, whose attempts could be shown. */
  hasAttempts: () => boolean;
  showAttempts: () => void;
  showSandbox: () => void;
}

/** All that can be done by name: from a menu, with a key, in the command palette. */
export function addCommands(
  commands: CommandRegistry,
  palette: ICommandPalette | null,
  trans: TranslationBundle,
  actions: IActions
): void {
  commands.addCommand(CommandIDs.submit, {
    label: trans.__('Submit Challenge'),
    caption: trans.__('Save and submit this challenge'),
    icon: submitIcon,
    isEnabled: actions.canSubmit,
    execute: actions.submit
  });
  commands.addCommand(CommandIDs.showChallenges, {
    label: trans.__('Challenges'),
    caption: trans.__('Show the list of challenges'),
    icon: challengesIcon,
    execute: actions.showChallenges
  });
  commands.addCommand(CommandIDs.showFeedback, {
    label: trans.__('Feedback'),
    caption: trans.__('Show what the grader said about this notebook'),
    icon: feedbackIcon,
    execute: actions.showFeedback
  });
  commands.addCommand(CommandIDs.showLeaderboard, {
    label: trans.__('Leaderboard'),
    caption: trans.__('Show how those who take part stand'),
    icon: leaderboardIcon,
    execute: actions.showLeaderboard
  });
  commands.addCommand(CommandIDs.showAttempts, {
    label: trans.__('Attempts'),
    caption: trans.__('Show, compare and restore what you have submitted'),
    isEnabled: actions.hasAttempts,
    execute: actions.showAttempts
  });
  commands.addCommand(CommandIDs.showSandbox, {
    label: trans.__('What the Sandbox Has'),
    caption: trans.__('Show the interpreter and the packages that submissions run with'),
    icon: sandboxIcon,
    execute: actions.showSandbox
  });
  for (const command of Object.values(CommandIDs)) {
    palette?.addItem({ command, category: trans.__('Challenges') });
  }
}
