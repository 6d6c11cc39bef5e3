import { TranslationBundle } from '@jupyterlab/translation';

import { ChallengeState, ISubmission, Status } from './types';

/** Every status in the learner's words; one place, so that no two parts of the page disagree. */
export function statusWord(status: Status, trans: TranslationBundle): string {
  const words: Record<Status, string> = {
    passed: trans.__('Passed'),
    failed: trans.__('Failed'),
    error: trans.__('Error'),
    timeout: trans.__('Out of time'),
    memory_exceeded: trans.__('Out of memory'),
    output_exceeded: trans.__('Too much output'),
    crashed: trans.__('Crashed'),
    not_run: trans.__('Not run'),
    internal_error: trans.__('Grader fault')
  };
  return words[status] ?? status;
}

export function verdictTitle(status: Status, trans: TranslationBundle): string {
  const titles: Record<Status, string> = {
    passed: trans.__('Passed'),
    failed: trans.__('Not there yet'),
    error: trans.__('Stopped by an error'),
    timeout: trans.__('Out of time'),
    memory_exceeded: trans.__('Out of memory'),
    output_exceeded: trans.__('Too much output'),
    crashed: trans.__('Python stopped'),
    not_run: trans.__('Not run'),
    internal_error: trans.__('The grader had a fault')
  };
  return titles[status] ?? status;
}

/** A verdict in one sentence or two, for those who hear the page. */
export function verdictSummary(submission: ISubmission, trans: TranslationBundle): string {
  const passed = submission.checks.filter(check => check.status === 'passed').length;
  return trans.__(
    '%1. %2 of %3 points. %4 of %5 checks passed.',
    verdictTitle(submission.status ?? 'not_run', trans),
    points(submission.score ?? 0),
    points(submission.max_score),
    passed,
    submission.checks.length
  );
}

/** What to do next, for verdicts where the checks alone do not say it; the grader's own words win. */
export function verdictAdvice(submission: ISubmission, trans: TranslationBundle): string {
  if (submission.message) {
    return submission.message;
  }
  switch (submission.status) {
    case 'timeout':
      return trans.__('Your code ran longer than it may. Look for a loop that never ends.');
    case 'memory_exceeded':
      return trans.__('Your code needed more memory than there is. Keep less of it at once.');
    case 'output_exceeded':
      return trans.__('Your code printed more than can be kept. Print less, above all in loops.');
    case 'crashed':
      return trans.__(
        'Python ended before the checks were done. Look for exit() or very deep recursion.'
      );
    case 'internal_error':
      return trans.__('This is not your fault and your work is safe. Please submit again.');
    default:
      return '';
  }
}

export function points(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export function duration(ms: number, trans: TranslationBundle): string {
  if (ms < 1) {
    return trans.__('under 1 ms');
  }
  return ms < 1000 ? trans.__('%1 ms', Math.round(ms)) : trans.__('%1 s', (ms / 1000).toFixed(1));
}

export function megabytes(bytes: number, trans: TranslationBundle): string {
  return trans.__('%1 MB', Math.max(1, Math.round(bytes / 1024 / 1024)));
}

/** A time today as hours and minutes, an older one with its date. */
export function when(iso: string): string {
  const time = new Date(iso);
  const today = time.toDateString() === new Date().toDateString();
  return today
    ? time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : time.toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
}

/** Text as a terminal would show it, without the colour codes that a page cannot. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
}

export function stateWord(state: ChallengeState, trans: TranslationBundle): string {
  const words = { new: trans.__('New'), started: trans.__('Started'), passed: trans.__('Passed') };
  return words[state] ?? state;
}
