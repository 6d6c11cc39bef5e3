import { TranslationBundle } from '@jupyterlab/translation';

import { ApiError } from './api';

/** Something that went wrong on the way, and the one thing that the learner can do about it. */
export interface IProblem {
  title: string;
  message: string;
  action: { label: string; run: () => void } | null;
}

/**
 * Codes that mean: nothing is wrong with what was asked, somebody is out of reach. The grader may have
 * a submission all the same: try again with the same key.
 */
export const UNREACHABLE = new Set([
  'server_unreachable',
  'grader_unreachable',
  'database_unavailable'
]);

/** A refusal in its own words; a fault of ours goes to the console. */
export function problemOf(
  title: string,
  reason: unknown,
  run: () => unknown,
  label: string,
  trans: TranslationBundle
): IProblem {
  return { title, message: wordsOf(reason, trans), action: { label, run: () => void run() } };
}

export function wordsOf(reason: unknown, trans: TranslationBundle): string {
  if (reason instanceof ApiError) {
    return reason.message;
  }
  console.error('ChallengeHub:', reason);
  return trans.__('Something unexpected happened in this page. Reload it and try again.');
}

export function staleProblem(update: () => void, trans: TranslationBundle): IProblem {
  return {
    title: trans.__('This challenge has a new version'),
    message: trans.__(
      'Its author has changed it since you opened it. Get the new version: your answers come with you, and your notebook as it is now is kept beside it.'
    ),
    action: { label: trans.__('Get the new version'), run: update }
  };
}

/** Why the verdict of an accepted submission does not come, in words that say first that it is not lost. */
export function lost(reason: unknown, trans: TranslationBundle): unknown {
  const code = reason instanceof ApiError ? reason.code : '';
  if (reason !== null && !UNREACHABLE.has(code)) {
    return reason;
  }
  const safe = trans.__('Your submission is safe and will be graded.');
  const advice =
    code === 'server_unreachable'
      ? (reason as ApiError).message
      : trans.__(
          'Look for its verdict in a minute; if there is none for long, tell your instructor.'
        );
  return new ApiError(code, `${safe} ${advice}`);
}
