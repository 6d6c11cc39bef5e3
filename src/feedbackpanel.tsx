import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { ISignal, Signal } from '@lumino/signaling';
import React from 'react';

import { Feedback } from './feedback';
import { feedbackIcon, hintIcon, problemIcon, statusIcons, waitingIcon } from './icons';
import { ICellResult, ICheckInfo, ICheckResult, ISubmission } from './types';
import {
  duration,
  megabytes,
  plain,
  points,
  statusWord,
  verdictAdvice,
  verdictTitle,
  when
} from './words';

/** What the panel shows: the challenge of the notebook in front, and how to act on it. */
export interface ISubject {
  title: string;
  feedback: Feedback;
  submit: () => void;
  /** The cell with this id in the notebook: its first line and the way there; null if it is gone. */
  locate: (cellId: string) => { label: string; go: () => void } | null;
}

interface IPart {
  trans: TranslationBundle;
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

  private body({ title, feedback, submit, locate }: ISubject): React.ReactElement {
    const trans = this.trans;
    const { busy, submission, problem } = feedback;
    const watching = busy === 'queued' || busy === 'running';
    const broken = feedback.cells.some(cell => cell.error);
    const shown = watching || (submission !== null && busy !== 'sending');
    const checks = shown && (
      <Checks key="checks" feedback={feedback} watching={watching} trans={trans} />
    );
    const cells = shown && (
      <Cells key="cells" cells={feedback.cells} locate={locate} trans={trans} />
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
        {feedback.submitting && <Progress feedback={feedback} trans={trans} />}
        {busy === 'loading' && (
          <p className="ch-Quiet">{trans.__('Looking for your last feedback…')}</p>
        )}
        {!busy && submission && <Verdict submission={submission} trans={trans} />}
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
        {!busy && submission && <Figures submission={submission} trans={trans} />}
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

/** The checks that there are, those that have not run yet included, in the notebook's order. */
function Checks({
  feedback,
  watching,
  trans
}: IPart & { feedback: Feedback; watching: boolean }): React.ReactElement | null {
  const known = new Map(feedback.checks.map(check => [check.id, check]));
  const rows: (ICheckResult | ICheckInfo)[] = watching
    ? [
        ...feedback.expected.map(check => known.get(check.id) ?? check),
        ...feedback.checks.filter(check => !feedback.expected.some(other => other.id === check.id))
      ]
    : feedback.checks;
  if (rows.length === 0) {
    return null;
  }
  return (
    <section className="ch-Section" aria-labelledby="ch-checks">
      <h3 id="ch-checks">{trans.__('Checks')}</h3>
      <ol className="ch-List">
        {rows.map(row =>
          'status' in row ? (
            <Check key={row.id} check={row} trans={trans} />
          ) : (
            <li key={row.id} className="ch-Row ch-mod-waiting">
              <div className="ch-Row-head">
                {row.id === feedback.running ? (
                  <span className="ch-Spinner" aria-hidden />
                ) : (
                  <waitingIcon.react tag="span" className="ch-Row-icon" aria-hidden />
                )}
                <span className="ch-Row-title">{row.title || row.id}</span>
                <span className="ch-Row-points">{points(row.points)}</span>
                <span className="ch-Row-note">
                  {row.id === feedback.running ? trans.__('Running') : trans.__('Waiting')}
                </span>
              </div>
            </li>
          )
        )}
      </ol>
    </section>
  );
}

function Check({ check, trans }: IPart & { check: ICheckResult }): React.ReactElement {
  const Icon = statusIcons[check.status] ?? statusIcons.not_run;
  const passed = check.status === 'passed';
  const notes = [statusWord(check.status, trans)];
  if (check.hidden) {
    notes.push(trans.__('hidden check'));
  }
  if (check.status !== 'not_run') {
    notes.push(duration(check.duration_ms, trans));
  }
  const head = (
    <>
      <Icon.react tag="span" className="ch-Row-icon" aria-hidden />
      <span className="ch-Row-title">{check.title || check.id}</span>
      <span className="ch-Row-points">
        {trans.__('%1 / %2', points(check.points), points(check.max_points))}
        <span className="ch-sr"> {trans.__('points')}</span>
      </span>
      <span className="ch-Row-note">{notes.join(' · ')}</span>
    </>
  );
  // a hint about the answer says nothing about a run that never got there
  const hint = ['failed', 'error', 'timeout'].includes(check.status) && check.hint;
  if (!check.message && !check.stdout && !hint) {
    return (
      <li className="ch-Row" data-status={check.status}>
        <div className="ch-Row-head">{head}</div>
      </li>
    );
  }
  return (
    <li className="ch-Row" data-status={check.status}>
      <details open={!passed}>
        <summary className="ch-Row-head">{head}</summary>
        <div className="ch-Row-body">
          {check.message &&
            // a sentence reads best as one; what has lines was laid out by its author
            (check.message.trim().includes('\n') ? (
              <pre>{plain(check.message)}</pre>
            ) : (
              <p className="ch-Message">{plain(check.message)}</p>
            ))}
          {check.stdout && (
            <>
              <h4>{trans.__('Printed')}</h4>
              <pre className="ch-Output">{plain(check.stdout)}</pre>
            </>
          )}
          {hint && (
            <div className="ch-Hint">
              <hintIcon.react tag="span" className="ch-Row-icon" aria-hidden />
              <p>
                <strong>{trans.__('Hint')}</strong> {withCode(check.hint)}
              </p>
            </div>
          )}
        </div>
      </details>
    </li>
  );
}

/** Authors write names of code between backticks; the rest stays the text that it is. */
function withCode(text: string): React.ReactNode[] {
  return text
    .split(/`([^`\n]+)`/)
    .map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part));
}

/** What the learner's own cells printed, and where they stopped. */
function Cells({
  cells,
  locate,
  trans
}: IPart & { cells: ICellResult[]; locate: ISubject['locate'] }): React.ReactElement | null {
  const shown = cells.filter(cell => cell.error || cell.stdout);
  if (shown.length === 0) {
    return null;
  }
  return (
    <section className="ch-Section" aria-labelledby="ch-cells">
      <h3 id="ch-cells">{trans.__('Your code')}</h3>
      <ol className="ch-List">
        {shown.map(cell => {
          const Icon = statusIcons[cell.status] ?? statusIcons.not_run;
          const place = locate(cell.id);
          const word = cell.error ? statusWord(cell.status, trans) : trans.__('Ran');
          return (
            <li key={cell.id} className="ch-Row" data-status={cell.error ? cell.status : 'ran'}>
              <details open={cell.error !== null}>
                <summary className="ch-Row-head">
                  <Icon.react tag="span" className="ch-Row-icon" aria-hidden />
                  <span className={place ? 'ch-Row-title ch-mod-code' : 'ch-Row-title'}>
                    {place?.label ?? trans.__('Cell %1', cell.id)}
                  </span>
                  <span className="ch-Row-note">
                    {word} · {duration(cell.duration_ms, trans)}
                    {cell.error?.line ? ` · ${trans.__('line %1', cell.error.line)}` : ''}
                  </span>
                </summary>
                <div className="ch-Row-body">
                  {cell.error && (
                    <>
                      <p className="ch-Error">
                        <strong>{cell.error.name}</strong>
                        {cell.error.message ? `: ${plain(cell.error.message)}` : ''}
                      </p>
                      {cell.error.traceback && (
                        <pre className="ch-Output" tabIndex={0} aria-label={trans.__('Traceback')}>
                          {plain(cell.error.traceback)}
                        </pre>
                      )}
                    </>
                  )}
                  {cell.stdout && (
                    <>
                      <h4>{trans.__('Printed')}</h4>
                      <pre className="ch-Output">{plain(cell.stdout)}</pre>
                    </>
                  )}
                  {place && (
                    <button type="button" className="ch-Button" onClick={place.go}>
                      {trans.__('Go to this cell')}
                    </button>
                  )}
                </div>
              </details>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Figures({ submission, trans }: IPart & { submission: ISubmission }): React.ReactElement {
  const { timings, peak_memory_bytes } = submission;
  const figures: [string, string][] = [[trans.__('Submitted'), when(submission.submitted_at)]];
  if (timings) {
    figures.push([trans.__('Total time'), duration(timings.total_ms, trans)]);
    figures.push([trans.__('Running'), duration(timings.run_ms, trans)]);
  }
  if (peak_memory_bytes) {
    figures.push([trans.__('Memory'), megabytes(peak_memory_bytes, trans)]);
  }
  return (
    <dl className="ch-Figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
