import { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, ApiError } from './api';
import {
  ICellResult,
  ICheckInfo,
  ICheckResult,
  IHints,
  IKept,
  IMissing,
  ISubmission,
  SubmissionEvent
} from './types';
import { IProblem, lost, problemOf, staleProblem, UNREACHABLE } from './problems';
import { verdictSummary, when } from './words';

/** How often a broken stream is taken up again, with growing pauses, before the learner is asked. */
const RECONNECTS = 6;

/** The learner's submissions to one challenge as the page shows them: the last verdict, or one coming in. */
export class Feedback {
  constructor(
    readonly slug: string,
    private readonly api: Api,
    private readonly trans: TranslationBundle,
    /** Tells what the sandbox has not; whether the learner submits all the same. */
    private readonly confirm: (missing: IMissing) => Promise<boolean>
  ) {}

  /** The last verdict; stays while the next submission runs or fails to be sent. */
  submission: ISubmission | null = null;
  busy: 'loading' | 'sending' | 'kept' | 'queued' | 'running' | null = null;
  /** Place in the queue, 1 is next; null while unknown. */
  position: number | null = null;
  reconnecting = false;
  problem: IProblem | null = null;
  expected: ICheckInfo[] = [];
  checks: ICheckResult[] = [];
  cells: ICellResult[] = [];
  /** The check or cell that runs now. */
  running = '';
  hints: IHints | null = null;
  /** The submission that waits in the learner's home while `busy` is "kept". */
  kept: IKept | null = null;

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

  /** Is a submission on its way, from the click to the verdict? One that is kept hinders no other. */
  get submitting(): boolean {
    return this.busy !== null && this.busy !== 'loading' && this.busy !== 'kept';
  }

  /** The learner's server keeps a submission for later. */
  get keeping(): ISignal<this, void> {
    return this._keeping;
  }

  /** Shows the last verdict, or takes up a submission that still runs; asks the grader only once. */
  async load(): Promise<void> {
    if (this._loaded || this.busy) {
      return;
    }
    this._loaded = true;
    this.update({ busy: 'loading', problem: null });
    void this.loadHints();
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
    let id: string | null;
    let missing: IMissing | null = null;
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
      const accepted = await this.api.submit(path, this._key, [...this._accepted]);
      id = accepted.id;
      missing = accepted.state === 'held' ? accepted.missing : null;
      if (id !== null) {
        this.update({ busy: 'queued', position: accepted.position });
      }
    } catch (reason) {
      this.update({ busy: null });
      const uncertain = reason instanceof ApiError && UNREACHABLE.has(reason.code);
      if (reason instanceof ApiError && reason.code === 'version_stale') {
        this.stale(path);
      } else {
        this.fail(this.trans.__('Not submitted'), reason, () => this.submit(path, save, uncertain));
      }
      return;
    }
    if (missing) {
      this.update({ busy: null });
      this.settle();
      if (await this.confirm(missing)) {
        [...missing.packages, ...missing.files].forEach(name => this._accepted.add(name));
        await this.submit(path, save, true);
      }
    } else if (id === null) {
      this.update({ busy: null });
      this._keeping.emit();
    } else {
      await this.follow(id);
    }
  }

  /** Shows a submission that waits in the learner's home; one that is on its way is not disturbed. */
  keep(entry: IKept): void {
    if (this.submitting || this.kept?.key === entry.key) {
      return;
    }
    this.update({ busy: 'kept', kept: entry, problem: null });
    this.say(
      this.trans.__(
        'The grader does not answer. Your submission is kept, and will be sent by itself.'
      )
    );
  }

  /** One that was kept has been taken by the grader as `id`. */
  async sent(id: string): Promise<void> {
    this._newest = id;
    // one of several that were kept: after the one that is followed now
    while (!this.submitting && this._newest) {
      const newest = this._newest;
      this._newest = '';
      this._loaded = true;
      await this.follow(newest);
    }
  }

  /** One that was kept is not taken; `forget` puts it aside. */
  refused(entry: IKept, forget: () => Promise<void>): void {
    if (this.submitting) {
      return;
    }
    this.update({ busy: null, kept: null });
    if (entry.error?.code === 'version_stale') {
      this.stale(entry.path, forget);
    } else {
      const words = entry.error?.message ?? '';
      this.fail(
        this.trans.__('Your submission from %1 was not accepted', when(entry.kept_at)),
        new ApiError(entry.error?.code ?? '', words),
        async () => {
          await forget();
          this.show(null);
        },
        this.trans.__('Put it aside')
      );
    }
  }

  private stale(path: string, forget?: () => Promise<void>): void {
    this.show(
      staleProblem(() => {
        void forget?.();
        this._outdated.emit(path);
      }, this.trans)
    );
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

  /** Learns which hints there are; without the grader there are none to show. */
  async loadHints(): Promise<void> {
    try {
      this.update({ hints: await this.api.hints(this.slug) });
    } catch (reason) {
      if (!(reason instanceof ApiError)) {
        throw reason;
      }
    }
  }

  /** Takes the next hint and says it. */
  async takeHint(): Promise<void> {
    const next = (this.hints?.taken.length ?? 0) + 1;
    try {
      const hints = await this.api.takeHint(this.slug, next);
      this.update({ hints });
      this.say(
        this.trans.__('Hint %1 of %2: %3', next, hints.total, hints.taken[next - 1]?.text ?? '')
      );
    } catch (reason) {
      this.fail(this.trans.__('The hint could not be fetched'), reason, () => {
        this.show(null);
        return this.takeHint();
      });
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
        if (reason instanceof ApiError && !UNREACHABLE.has(reason.code)) {
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
      lost(last, this.trans),
      () => this.follow(id),
      this.trans.__('Show the verdict')
    );
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
        this.say(verdictSummary(event.data, this.trans));
        this._finished.emit(event.data);
        void this.loadHints();
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
    const nothing = {
      position: null,
      checks: [],
      cells: [],
      running: '',
      problem: null,
      kept: null
    };
    this.update({ busy, ...nothing });
  }

  private fail(title: string, reason: unknown, run: () => unknown, label?: string): void {
    this.show(problemOf(title, reason, run, label ?? this.trans.__('Try again'), this.trans));
    this.settle();
  }

  /** Back to the last verdict, where there is one. */
  private settle(): void {
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
  private readonly _keeping = new Signal<this, void>(this);
  private readonly _said = new Signal<this, string>(this);
  private readonly _stop = new AbortController();
  /** Modules that the sandbox has not, and the learner knows it. */
  private readonly _accepted = new Set<string>();
  private _key = '';
  private _newest = '';
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
  | 'running'
  | 'kept'
  | 'hints';

/** The list with `item` in the place of the one with its id, or at the end. */
function replaced<T extends { id: string }>(list: T[], item: T): T[] {
  const index = list.findIndex(other => other.id === item.id);
  return index < 0 ? [...list, item] : list.map((other, i) => (i === index ? item : other));
}
