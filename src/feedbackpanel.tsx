import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { ISignal, Signal } from '@lumino/signaling';
import React from 'react';

import { Feedback } from './feedback';
import { Cells, Checks, IPart } from './feedbackrows';
import { Figures } from './figures';
import { Gradings } from './gradings';
import { Hints } from './hints';
import { feedbackIcon, keptIcon, problemIcon, statusIcons } from './icons';
import { IPlaces } from './places';
import { ISubmission } from './types';
import { points, verdictAdvice, verdictTitle, when } from './words';

/** What the panel shows: the challenge of the notebook in front, and how to act on it. */
export interface ISubject {
  title: string;
  feedback: Feedback;
  submit: () => void;
  /** Tries at once to send what is kept. */
  sendNow: () => void;
  showAttempts: (against: 'before' | 'solution') => void;
  showSandbox: () => void;
  places: IPlaces;
}

/** The panel beside the notebook that fills in while a submission is graded. */
export class FeedbackPanel extends ReactWidget {
  constructor(
    private readonly trans: TranslationBundle,
    private readonly shortcut: () => string
  ) {
    super();
    this.id = 'challengehub-feedback';
    this.addClass('ch-Feedback');
    this.node.tabIndex = -1;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Feedback'));
    this.title.icon = feedbackIcon;
    this.title.caption = trans.__('Feedback');
  }

  get subject(): ISubject | null {
    return this._subject;
  }
  set subject(subject: ISubject | null) {
    this._subject = subject;
    this._subjectChanged.emit();
  }

  get subjectChanged(): ISignal<this, void> {
    return this._subjectChanged;
  }

  protected override render(): React.ReactElement {
    return (
      <UseSignal signal={this._subjectChanged}>
        {() =>
          this._subject ? (
            <UseSignal signal={this._subject.feedback.changed}>
              {() => this._subject && this.body(this._subject)}
            </UseSignal>
          ) : (
            <div className="ch-Empty">
              <feedbackIcon.react tag="span" className="ch-Empty-icon" aria-hidden />
              <p>
                {this.trans.__(
                  'Open a challenge and submit it: what the grader says appears here.'
                )}
              </p>
            </div>
          )
        }
      </UseSignal>
    );
  }

  private body({
    title,
    feedback,
    submit,
    sendNow,
    showAttempts,
    showSandbox,
    places
  }: ISubject): React.ReactElement {
    const trans = this.trans;
    const { busy, submission, problem } = feedback;
    const settled = !busy || busy === 'kept';
    const watching = busy === 'queued' || busy === 'running';
    const broken = feedback.cells.some(cell => cell.status !== 'passed');
    const shown = watching || (submission !== null && busy !== 'sending');
    const checks = shown && (
      <Checks key="checks" feedback={feedback} watching={watching} places={places} trans={trans} />
    );
    const cells = shown && (
      <Cells key="cells" cells={feedback.cells} places={places} trans={trans} />
    );
    return (
      <>
        <h2 className="ch-Feedback-title">{title}</h2>
        {problem && (
          <section className="ch-Problem" role="group" aria-label={problem.title}>
            <problemIcon.react tag="span" className="ch-Problem-icon" aria-hidden />
            <div>
              <h3>{problem.title}</h3>
              <p>{problem.message}</p>
              {problem.action && (
                <button type="button" className="ch-Button" onClick={problem.action.run}>
                  {problem.action.label}
                </button>
              )}
            </div>
          </section>
        )}
        {feedback.kept && (
          <section className="ch-Problem" role="group" aria-label={trans.__('Kept, will be sent')}>
            <keptIcon.react tag="span" className="ch-Problem-icon" aria-hidden />
            <div>
              <h3>{trans.__('Kept, will be sent')}</h3>
              <p>
                {trans.__(
                  'The grader does not answer just now. Your submission from %1 is kept in your home, and is sent by itself as soon as the grader is back, also if you close this page.',
                  when(feedback.kept.kept_at)
                )}
              </p>
              <button type="button" className="ch-Button" onClick={sendNow}>
                {trans.__('Try now')}
              </button>
            </div>
          </section>
        )}
        {feedback.submitting && <Progress feedback={feedback} trans={trans} />}
        {busy === 'loading' && (
          <p className="ch-Quiet">{trans.__('Looking for your last feedback…')}</p>
        )}
        {settled && submission && (problem || feedback.kept) && (
          // or the verdict below would be taken for that on what did not come through
          <p className="ch-Quiet ch-Earlier">
            {trans.__('Your last verdict, from %1:', when(submission.submitted_at))}
          </p>
        )}
        {settled && submission && <Verdict submission={submission} trans={trans} />}
        {settled && submission && <Gradings gradings={submission.gradings} trans={trans} />}
        {!busy && !submission && !problem && (
          <div className="ch-Empty">
            <feedbackIcon.react tag="span" className="ch-Empty-icon" aria-hidden />
            <p>{trans.__('Not submitted yet. Write your answer, then:')}</p>
            <button type="button" className="ch-Button ch-mod-primary" onClick={submit}>
              {trans.__('Submit')}
            </button>
            {this.shortcut() && <kbd className="ch-Keys">{this.shortcut()}</kbd>}
          </div>
        )}
        {/* an error in the learner's own cells is the cause of what the checks say, so it comes first */}
        {broken ? [cells, checks] : [checks, cells]}
        {!feedback.submitting && <Hints feedback={feedback} trans={trans} />}
        {settled && submission && (
          <p className="ch-Actions">
            <button type="button" className="ch-Button" onClick={() => showAttempts('before')}>
              {trans.__('All attempts')}
            </button>
            {feedback.hints?.solution && (
              <button type="button" className="ch-Button" onClick={() => showAttempts('solution')}>
                {trans.__('Compare with the author’s solution')}
              </button>
            )}
          </p>
        )}
        {settled && submission && <Figures submission={submission} trans={trans} />}
        {!feedback.submitting && (
          <p className="ch-Aside">
            <button type="button" className="ch-Link" onClick={showSandbox}>
              {trans.__('What the sandbox has')}
            </button>
          </p>
        )}
      </>
    );
  }

  private _subject: ISubject | null = null;
  private readonly _subjectChanged = new Signal<this, void>(this);
}

function Progress({ feedback, trans }: IPart & { feedback: Feedback }): React.ReactElement {
  const total = Math.max(feedback.expected.length, feedback.checks.length);
  const done = feedback.checks.length;
  let title = trans.__('Submitting…');
  let detail = trans.__('Saving your notebook and sending it to the grader.');
  if (feedback.busy === 'queued') {
    title = trans.__('In the queue…');
    detail =
      feedback.position === null
        ? trans.__('Waiting for a free sandbox.')
        : feedback.position <= 1
          ? trans.__('You are next.')
          : trans.__('%1 submissions are before yours.', feedback.position - 1);
  } else if (feedback.busy === 'running') {
    title = trans.__('Running…');
    detail =
      total > 0 && done > 0
        ? trans.__('%1 of %2 checks done.', done, total)
        : trans.__('Running your notebook from top to bottom.');
  }
  if (feedback.reconnecting) {
    detail = trans.__('The connection broke; taking it up again. Your submission is safe.');
  }
  return (
    <section className="ch-Verdict ch-mod-running" aria-label={title}>
      <span className="ch-Spinner" aria-hidden />
      <div className="ch-Verdict-text">
        <h3>{title}</h3>
        <p>{detail}</p>
      </div>
      <progress
        className="ch-Bar"
        aria-label={trans.__('Checks done')}
        max={Math.max(total, 1)}
        value={total > 0 ? done : 0}
      />
    </section>
  );
}

function Verdict({ submission, trans }: IPart & { submission: ISubmission }): React.ReactElement {
  const status = submission.status ?? 'not_run';
  const Icon = statusIcons[status] ?? statusIcons.not_run;
  const passed = submission.checks.filter(check => check.status === 'passed').length;
  const total = submission.checks.length;
  const advice = verdictAdvice(submission, trans);
  const score = submission.score ?? 0;
  return (
    <section className="ch-Verdict" data-status={status} aria-label={trans.__('Verdict')}>
      <Icon.react tag="span" className="ch-Verdict-icon" aria-hidden />
      <div className="ch-Verdict-text">
        <h3>{verdictTitle(status, trans)}</h3>
        {total > 0 && (
          <p>
            {passed === total
              ? trans._n('The check passed.', 'All %1 checks passed.', total)
              : trans.__('%1 of %2 checks passed.', passed, total)}
          </p>
        )}
      </div>
      {submission.max_score > 0 && (
        <p className="ch-Score">
          <strong>{points(score)}</strong>
          <span aria-hidden> / </span>
          <span className="ch-sr">{trans.__('of')} </span>
          {points(submission.max_score)} <small>{trans.__('points')}</small>
        </p>
      )}
      {advice && <p className="ch-Verdict-advice">{advice}</p>}
      {submission.max_score > 0 && (
        <div className="ch-Bar" aria-hidden>
          <div style={{ width: `${Math.min(100, (100 * score) / submission.max_score)}%` }} />
        </div>
      )}
    </section>
  );
}
