import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, ApiError } from './api';
import { ICellResult, ICheckInfo, ICheckResult, ISubmission, SubmissionEvent } from './types';
import { points, verdictTitle } from './words';

/** How often a broken stream is taken up again, with growing pauses, before the learner is asked. */
const RECONNECTS = 6;

/** Refusals after which the grader may have the submission all the same: try again with the same key. */
const UNCERTAIN = new Set(['server_unreachable', 'grader_unreachable', 'database_unavailable']);

/** Something that went wrong on the way, and the one thing that the learner can do about it. */
export interface IProblem {
  title: string;
  message: string;
  action: { label: string; run: () => void } | null;
}

/** The learner's submissions to one challenge as the page shows them: the last verdict, or one coming in. */
export class Feedback {
  constructor(
    readonly slug: string,
    private readonly api: Api,
    private readonly trans: TranslationBundle
  ) {}

  /** The last verdict; stays while the next submission runs or fails to be sent. */
  submission: ISubmission | null = null;
  busy: 'loading' | 'sending' | 'queued' | 'running' | null = null;
  /** Place in the queue, 1 is next; null while unknown. */
  position: number | null = null;
  reconnecting = false;
  problem: IProblem | null = null;
  expected: ICheckInfo[] = [];
  checks: ICheckResult[] = [];
  cells: ICellResult[] = [];
  /** The check or cell that runs now. */
  running = '';

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A verdict came in while the page watched. */
  get finished(): ISignal<this, ISubmission> {
    return this._finished;
  }

  /** A sentence for those who hear the page rather than see it. */
  get said(): ISignal<this, string> {
    return this._said;
  }

  /** Is a submission on its way, from the click to the verdict? */
  get submitting(): boolean {
    return this.busy !== null && this.busy !== 'loading';
  }

  /** Shows the last verdict, or takes up a submission that still runs; asks the grader only once. */
  async load(): Promise<void> {
    if (this._loaded || this.busy) {
      return;
    }
    this._loaded = true;
    this.update({ busy: 'loading', problem: null });
    try {
      const latest = await this.api.latest(this.slug);
      if (this.busy !== 'loading') {
        return; // the learner was quicker and has submitted
      }
      this.update({ busy: null });
      if (latest && latest.state !== 'finished') {
        await this.follow(latest.id);
      } else if (latest) {
        this.update({ submission: latest, checks: latest.checks, cells: latest.cells });
      }
    } catch (reason) {
      this._loaded = false;
      if (this.busy === 'loading') {
        this.update({ busy: null });
        this.fail(this.trans.__('Your last feedback could not be loaded'), reason, () =>
          this.load()
        );
      }
    }
  }

  /** Saves and submits. `again` repeats one that may or may not have arrived, as one submission. */
  async submit(path: string, save: () => Promise<void>, again = false): Promise<void> {
    if (this.submitting) {
      return;
    }
    this._loaded = true;
    this._key = again && this._key ? this._key : UUID.uuid4();
    this.begin('sending');
    this.say(this.trans.__('Submitting'));
    let id: string;
    try {
      await save();
    } catch {
      this.update({ busy: null });
      this.show({
        title: this.trans.__('Not submitted: the notebook could not be saved'),
        message: this.trans.__(
          'What you see is still in this page. Save it (Ctrl+S); once that works, submit again.'
        ),
        action: { label: this.trans.__('Try again'), run: () => void this.submit(path, save) }
      });
      return;
    }
    try {
      const accepted = await this.api.submit(path, this._key);
      id = accepted.id;
      this.update({ busy: 'queued', position: accepted.position });
    } catch (reason) {
      this.update({ busy: null });
      const uncertain = reason instanceof ApiError && UNCERTAIN.has(reason.code);
      if (reason instanceof ApiError && reason.code === 'version_stale') {
        this.fail(
          this.trans.__('This challenge has a new version'),
          new ApiError(
            reason.code,
            this.trans.__(
              'Its author has changed it since you opened it. Get the new version: your answers come with you, and your notebook as it is now is kept beside it.'
            )
          ),
          () => this._outdated.emit(path),
          this.trans.__('Get the new version')
        );
      } else {
        this.fail(this.trans.__('Not submitted'), reason, () => this.submit(path, save, uncertain));
      }
      return;
    }
    await this.follow(id);
  }

  /** The notebook at this path should be brought to the published version. */
  get outdated(): ISignal<this, string> {
    return this._outdated;
  }

  show(problem: IProblem | null): void {
    this.update({ problem });
    if (problem) {
      this.say(`${problem.title}. ${problem.message}`);
    }
  }

  dispose(): void {
    this._stop.abort();
    Signal.clearData(this);
  }

  /** Watches a submission until its verdict is here. */
  private async follow(id: string): Promise<void> {
    if (this.busy !== 'queued') {
      this.begin('queued');
    }
    void this.expect();
    let last: unknown = null;
    for (let attempt = 0; attempt <= RECONNECTS; attempt++) {
      if (attempt > 0) {
        this.update({ reconnecting: true });
        await new Promise(resolve => setTimeout(resolve, Math.min(500 * 2 ** attempt, 10000)));
      }
      try {
        await this.api.watch(
          id,
          event => {
            // Only this submission may speak here, however late another's stream ends.
            if (event.event !== 'result' || event.data.id === id) {
              this.take(event);
            }
          },
          this._stop.signal
        );
      } catch (reason) {
        if (this._stop.signal.aborted) {
          return;
        }
        last = reason;
        if (reason instanceof ApiError && !UNCERTAIN.has(reason.code)) {
          break;
        }
      }
      if (!this.busy) {
        return;
      }
    }
    this.update({ busy: null, reconnecting: false });
    this.fail(
      this.trans.__('Submitted, but the connection was lost'),
      this.lost(last),
      () => this.follow(id),
      this.trans.__('Show the verdict')
    );
  }

  /** Why the verdict of an accepted submission does not come, in words that say first that it is not lost. */
  private lost(reason: unknown): unknown {
    const code = reason instanceof ApiError ? reason.code : '';
    if (reason !== null && !UNCERTAIN.has(code)) {
      return reason;
    }
    const safe = this.trans.__('Your submission is safe and will be graded.');
    const advice =
      code === 'server_unreachable'
        ? (reason as ApiError).message
        : this.trans.__(
            'Look for its verdict in a minute; if there is none for long, tell your instructor.'
          );
    return new ApiError(code, `${safe} ${advice}`);
  }

  private take(event: SubmissionEvent): void {
    switch (event.event) {
      case 'state':
        if (event.data.state === 'running' && this.busy !== 'running') {
          this.say(this.trans.__('Running your notebook'));
        }
        if (event.data.state !== 'finished') {
          this.update({
            busy: event.data.state,
            position: event.data.position,
            reconnecting: false
          });
        }
        break;
      case 'start':
        this.update({ busy: 'running', running: event.data.id, reconnecting: false });
        break;
      case 'cell':
        this.update({ cells: replaced(this.cells, event.data), running: '' });
        break;
      case 'check':
        this.update({ checks: replaced(this.checks, event.data), running: '' });
        break;
      case 'result':
        this.update({
          submission: event.data,
          checks: event.data.checks,
          cells: event.data.cells,
          busy: null,
          reconnecting: false,
          running: '',
          problem: null
        });
        this.say(this.summary(event.data));
        this._finished.emit(event.data);
        break;
    }
  }

  /** Learns which checks there will be, so that they can be shown waiting; does without if it cannot. */
  private async expect(): Promise<void> {
    try {
      this.update({ expected: await this.api.checks(this.slug) });
    } catch (reason) {
      console.warn('ChallengeHub: the list of checks is not known', reason);
    }
  }

  private begin(busy: 'sending' | 'queued'): void {
    this.update({ busy, position: null, checks: [], cells: [], running: '', problem: null });
  }

  private summary(submission: ISubmission): string {
    const passed = submission.checks.filter(check => check.status === 'passed').length;
    return this.trans.__(
      '%1. %2 of %3 points. %4 of %5 checks passed.',
      verdictTitle(submission.status ?? 'not_run', this.trans),
      points(submission.score ?? 0),
      points(submission.max_score),
      passed,
      submission.checks.length
    );
  }

  private fail(title: string, reason: unknown, run: () => unknown, label?: string): void {
    if (!(reason instanceof ApiError)) {
      console.error('ChallengeHub:', reason);
    }
    const message =
      reason instanceof ApiError
        ? reason.message
        : this.trans.__('Something unexpected happened in this page. Reload it and try again.');
    this.show({
      title,
      message,
      action: { label: label ?? this.trans.__('Try again'), run: () => void run() }
    });
    if (!this.submitting && this.submission) {
      this.update({ checks: this.submission.checks, cells: this.submission.cells });
    }
  }

  private say(text: string): void {
    this._said.emit(text);
  }

  private update(values: Partial<Pick<Feedback, Shown>>): void {
    Object.assign(this, values);
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _finished = new Signal<this, ISubmission>(this);
  private readonly _outdated = new Signal<this, string>(this);
  private readonly _said = new Signal<this, string>(this);
  private readonly _stop = new AbortController();
  private _key = '';
  private _loaded = false;
}

type Shown =
  | 'submission'
  | 'busy'
  | 'position'
  | 'reconnecting'
  | 'problem'
  | 'expected'
  | 'checks'
  | 'cells'
  | 'running';

/** The list with `item` in the place of the one with its id, or at the end. */
function replaced<T extends { id: string }>(list: T[], item: T): T[] {
  const index = list.findIndex(other => other.id === item.id);
  return index < 0 ? [...list, item] : list.map((other, i) => (i === index ? item : other));
}
