import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Difference, differenceIn } from './difference';
import { Feedback } from './feedback';
import { hintIcon, statusIcons, waitingIcon } from './icons';
import { IPlaces } from './places';
import { ICellResult, ICheckInfo, ICheckResult } from './types';
import { duration, plain, points, statusWord } from './words';

export interface IPart {
  trans: TranslationBundle;
}

/** The checks that there are, those that have not run yet included, in the notebook's order. */
export function Checks({
  feedback,
  watching,
  places,
  trans
}: IPart & { feedback: Feedback; watching: boolean; places: IPlaces }): React.ReactElement | null {
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
            <Check key={row.id} check={row} broken={broken} places={places} trans={trans} />
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
  places,
  trans
}: IPart & { check: ICheckResult; broken: boolean; places: IPlaces }): React.ReactElement {
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
          <Message text={plain(check.message)} places={places} trans={trans} />
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

/** What a check says: words, two values that should be alike, and the lines of the learner's that led there. */
function Message({
  text,
  places,
  trans
}: IPart & { text: string; places: IPlaces }): React.ReactElement {
  const lines = text.split('\n');
  // the judge writes them below its message: "  in NAME, line NUMBER: SOURCE"
  const frames = lines.map(line => /^ {2}in (.+), line (\d+): (.*)$/.exec(line));
  const said = lines.filter((_, i) => !frames[i]).join('\n');
  const difference = differenceIn(said);
  const words = (difference ? difference.words : said).trim();
  return (
    <>
      {words &&
        // a sentence reads best as one; what has lines was laid out by its author, and a check's source is code
        (/\n|^assert /.test(words) ? <pre>{words}</pre> : <p className="ch-Message">{words}</p>)}
      {difference && <Difference of={difference} trans={trans} />}
      {frames.map((frame, i) => {
        if (!frame) {
          return null;
        }
        const [, name, line, source] = frame;
        const place = places.line(Number(line), source);
        return (
          <p key={i} className="ch-Frame">
            <span>{trans.__('in %1, line %2', name, line)}</span>
            <code>{source}</code>
            {place && (
              <button type="button" className="ch-Link" onClick={() => place.go(Number(line))}>
                {trans.__('Go to line %1', line)}
              </button>
            )}
          </p>
        );
      })}
    </>
  );
}

/** Authors write names of code between backticks; the rest stays the text that it is. */
export function withCode(text: string): React.ReactNode[] {
  return text
    .split(/`([^`\n]+)`/)
    .map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part));
}

/** What the learner's own cells printed, and where they stopped. */
export function Cells({
  cells,
  places,
  trans
}: IPart & { cells: ICellResult[]; places: IPlaces }): React.ReactElement | null {
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
          const place = places.cell(cell.id);
          const line = cell.error?.line;
          const ran = cell.status === 'passed';
          const notes = [ran ? trans.__('Ran') : statusWord(cell.status, trans)];
          if (cell.duration_ms > 0) {
            notes.push(duration(cell.duration_ms, trans));
          }
          if (line) {
            notes.push(trans.__('line %1', line));
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
                        <Traceback
                          text={plain(cell.error.traceback)}
                          places={places}
                          trans={trans}
                        />
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
                    <button type="button" className="ch-Button" onClick={() => place.go(line)}>
                      {line ? trans.__('Go to line %1', line) : trans.__('Go to this cell')}
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

/** As Python tells it, with a way to each place of the learner's that it names. */
function Traceback({
  text,
  places,
  trans
}: IPart & { text: string; places: IPlaces }): React.ReactElement {
  return (
    <pre className="ch-Output ch-mod-code" tabIndex={0} aria-label={trans.__('Traceback')}>
      {text.split('\n').map((row, i) => {
        const frame = /^Cell (\S+), line (\d+)/.exec(row);
        const place = frame && places.cell(frame[1]);
        const line = Number(frame?.[2]);
        return (
          <React.Fragment key={i}>
            {place ? (
              <button type="button" className="ch-Link" onClick={() => place.go(line)}>
                {row}
              </button>
            ) : (
              row
            )}
            {'\n'}
          </React.Fragment>
        );
      })}
    </pre>
  );
}
