import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Feedback } from './feedback';
import { hintIcon, statusIcons, waitingIcon } from './icons';
import { ICellResult, ICheckInfo, ICheckResult } from './types';
import { duration, plain, points, statusWord } from './words';

export interface IPart {
  trans: TranslationBundle;
}

/** Finds a cell of the notebook by its id: its first line and the way there; null if it is gone. */
export type Locate = (cellId: string) => { label: string; go: () => void } | null;

/** The checks that there are, those that have not run yet included, in the notebook's order. */
export function Checks({
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
  const broken = feedback.cells.some(cell => cell.status !== 'passed');
  return (
    <section className="ch-Section" aria-labelledby="ch-checks">
      <h3 id="ch-checks">{trans.__('Checks')}</h3>
      <ol className="ch-List">
        {rows.map(row =>
          'status' in row ? (
            <Check key={row.id} check={row} broken={broken} trans={trans} />
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

function Check({
  check,
  broken,
  trans
}: IPart & { check: ICheckResult; broken: boolean }): React.ReactElement {
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
  // a hint about the answer says nothing about a run that never got there, and leads astray where the cause
  // is a cell of the learner's that did not run
  const judged = broken ? ['failed'] : ['failed', 'error', 'timeout'];
  const hint = judged.includes(check.status) && check.hint;
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
export function Cells({
  cells,
  locate,
  trans
}: IPart & { cells: ICellResult[]; locate: Locate }): React.ReactElement | null {
  const shown = cells.filter(cell => cell.status !== 'passed' || cell.stdout);
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
          const ran = cell.status === 'passed';
          const notes = [ran ? trans.__('Ran') : statusWord(cell.status, trans)];
          if (cell.duration_ms > 0) {
            notes.push(duration(cell.duration_ms, trans));
          }
          if (cell.error?.line) {
            notes.push(trans.__('line %1', cell.error.line));
          }
          return (
            <li key={cell.id} className="ch-Row" data-status={ran ? 'ran' : cell.status}>
              <details open={!ran}>
                <summary className="ch-Row-head">
                  <Icon.react tag="span" className="ch-Row-icon" aria-hidden />
                  <span className={place ? 'ch-Row-title ch-mod-code' : 'ch-Row-title'}>
                    {place?.label ?? trans.__('Cell %1', cell.id)}
                  </span>
                  <span className="ch-Row-note">{notes.join(' · ')}</span>
                </summary>
                <div className="ch-Row-body">
                  {cell.error && (
                    <>
                      <p className="ch-Error">
                        <strong>{cell.error.name}</strong>
                        {cell.error.message ? `: ${plain(cell.error.message)}` : ''}
                      </p>
                      {cell.error.traceback && (
                        <pre
                          className="ch-Output ch-mod-code"
                          tabIndex={0}
                          aria-label={trans.__('Traceback')}
                        >
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
