import { INotebookContent } from '@jupyterlab/nbformat';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import React, { useEffect, useState } from 'react';

import { Api } from './api';
import { LinesDifference } from './difference';
import { Feedback } from './feedback';
import { Gradings } from './gradings';
import { statusIcons, waitingIcon } from './icons';
import { ProblemBox } from './problembox';
import { wordsOf } from './problems';
import { IAttempt, ICellText, IGrading } from './types';
import { points, verdictTitle, when } from './words';

/** What an attempt is compared with: the one before it, the notebook as it is, the author's solution, another one. */
export type Against = 'before' | 'now' | 'solution' | 'nothing' | string;

export interface IAttemptsOptions {
  slug: string;
  title: string;
  api: Api;
  trans: TranslationBundle;
  against: Against;
  /** The notebook as it is in its tab; null if it has been closed. */
  notebook: () => INotebookContent | null;
  restore: (attempt: IAttempt) => Promise<void>;
  /** Tells of new verdicts, and whether the author's solution may be shown. */
  feedback: Feedback;
}

/** All attempts at one challenge: their code, what changed from one to another, and the way back to one. */
export class AttemptsView extends ReactWidget {
  constructor(private readonly options: IAttemptsOptions) {
    super();
    const { slug, title, trans } = options;
    this.id = `challengehub-attempts-${slug}`;
    this.addClass('ch-Attempts');
    this.title.label = trans.__('Attempts: %1', title);
    this.title.closable = true;
    this.node.tabIndex = -1;
  }

  protected override onBeforeAttach(message: Message): void {
    // not before: a MainAreaWidget calls every content "main area content"
    this.node.setAttribute('aria-label', this.options.trans.__('Attempts'));
    super.onBeforeAttach(message);
  }

  protected override render(): React.ReactElement {
    // one key for each reason to look, so that asking for the solution again shows it
    return <Attempts key={this._asked} {...this.options} onGone={() => this.node.focus()} />;
  }

  /** Shows this comparison of the newest attempt. */
  compare(against: Against): void {
    this.options.against = against;
    this._asked++;
    this.update();
  }

  private _asked = 0;
}

interface IProps extends IAttemptsOptions {
  /** A problem that had the keyboard is no more. */
  onGone: () => void;
}

function Attempts(options: IProps): React.ReactElement {
  const { slug, title, api, trans, feedback } = options;
  const [attempts, setAttempts] = useState<IAttempt[] | null>(null);
  const [chosen, setChosen] = useState('');
  const [against, setAgainst] = useState<Against>(options.against);
  const [problem, setProblem] = useState('');
  const [tries, setTries] = useState(0);

  useEffect(() => {
    const load = (): void => {
      api.attempts(slug).then(
        list => {
          setAttempts(list);
          setProblem('');
        },
        reason => setProblem(wordsOf(reason, trans))
      );
    };
    load();
    feedback.finished.connect(load);
    return () => {
      feedback.finished.disconnect(load);
    };
  }, [slug, tries]);

  if (!attempts) {
    return problem ? (
      <ProblemBox
        title={trans.__('Your attempts could not be loaded')}
        words={problem}
        trans={trans}
        onRetry={() => setTries(tries + 1)}
        onGone={options.onGone}
      />
    ) : (
      <div className="ch-Empty">
        <span className="ch-Spinner" aria-hidden />
        <p>{trans.__('Looking for your attempts…')}</p>
      </div>
    );
  }
  const attempt = attempts.find(one => one.id === chosen) ?? attempts[0];
  if (!attempt) {
    return (
      <div className="ch-Empty">
        <p>{trans.__('Not submitted yet.')}</p>
      </div>
    );
  }
  const number = (one: IAttempt): number => attempts.length - attempts.indexOf(one);
  return (
    <>
      <nav aria-label={trans.__('Attempts')}>
        <h2>{title}</h2>
        <ol reversed>
          {attempts.map(one => (
            <li key={one.id}>
              <button
                type="button"
                aria-current={one === attempt}
                data-status={one.status ?? 'waiting'}
                onClick={() => setChosen(one.id)}
              >
                <Verdict attempt={one} number={number(one)} trans={trans} />
              </button>
            </li>
          ))}
        </ol>
      </nav>
      <div className="ch-Attempts-one">
        <header>
          <h3>{trans.__('Attempt %1', number(attempt))}</h3>
          <label>
            {trans.__('Compare with')}{' '}
            <select value={against} onChange={event => setAgainst(event.target.value)}>
              <option value="nothing">{trans.__('Nothing: show the code')}</option>
              <option value="before">{trans.__('The attempt before')}</option>
              <option value="now">{trans.__('The notebook as it is now')}</option>
              <UseSignal signal={feedback.changed}>
                {() =>
                  feedback.hints?.solution && (
                    <option value="solution">{trans.__('The author’s solution')}</option>
                  )
                }
              </UseSignal>
              {attempts
                .filter(one => one !== attempt)
                .map(one => (
                  <option key={one.id} value={one.id}>
                    {trans.__('Attempt %1', number(one))}
                  </option>
                ))}
            </select>
          </label>
          <button type="button" className="ch-Button" onClick={() => void options.restore(attempt)}>
            {trans.__('Restore this attempt…')}
          </button>
        </header>
        <AllVerdicts key={attempt.id} attempt={attempt} options={options} />
        <Comparison
          key={`${attempt.id} ${against}`}
          attempt={attempt}
          before={attempts[attempts.indexOf(attempt) + 1]}
          against={against}
          options={options}
        />
      </div>
    </>
  );
}

function Verdict({
  attempt,
  number,
  trans
}: {
  attempt: IAttempt;
  number: number;
  trans: TranslationBundle;
}): React.ReactElement {
  const Icon = attempt.status ? statusIcons[attempt.status] : waitingIcon;
  return (
    <>
      <Icon.react tag="span" className="ch-Row-icon" aria-hidden />
      <span className="ch-Attempt-title">
        {trans.__('Attempt %1', number)}
        {' · '}
        {attempt.status ? verdictTitle(attempt.status, trans) : trans.__('Not graded yet')}
      </span>
      <span className="ch-Quiet">
        {when(attempt.submitted_at)}
        {attempt.score !== null &&
          ` · ${trans.__('%1 of %2 points', points(attempt.score), points(attempt.max_score))}`}
      </span>
    </>
  );
}

/** Also those that no longer count; without them the attempt is shown all the same. */
function AllVerdicts({
  attempt,
  options
}: {
  attempt: IAttempt;
  options: IAttemptsOptions;
}): React.ReactElement {
  const { api, trans } = options;
  const [gradings, setGradings] = useState<IGrading[]>([]);
  useEffect(() => {
    let gone = false;
    api.submission(attempt.id).then(
      submission => !gone && setGradings(submission.gradings),
      reason => console.warn('ChallengeHub: earlier verdicts are not known', reason)
    );
    return () => {
      gone = true;
    };
    // graded again while it is shown: its verdict is another one then
  }, [attempt.status, attempt.score]);
  return <Gradings gradings={gradings} trans={trans} />;
}

/** An attempt's cells, and how they differ from those that it is compared with. */
function Comparison({
  attempt,
  before,
  against,
  options
}: {
  attempt: IAttempt;
  before: IAttempt | undefined;
  against: Against;
  options: IProps;
}): React.ReactElement {
  const { api, slug, trans } = options;
  const [sides, setSides] = useState<[ICellText[] | null, ICellText[]] | null>(null);
  const [problem, setProblem] = useState('');
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let gone = false;
    setProblem('');
    const cellsOf = async (id: string): Promise<ICellText[]> =>
      codeCells(await api.submittedNotebook(id));
    const other = async (): Promise<ICellText[] | null> => {
      switch (against) {
        case 'nothing':
          return null;
        case 'before':
          return before ? cellsOf(before.id) : null;
        case 'solution':
          return api.solution(slug);
        case 'now': {
          const notebook = options.notebook();
          return notebook && codeCells(notebook);
        }
        default:
          return cellsOf(against);
      }
    };
    Promise.all([other(), cellsOf(attempt.id)]).then(
      both => !gone && setSides(both),
      reason => !gone && setProblem(wordsOf(reason, trans))
    );
    return () => {
      gone = true;
    };
  }, [tries]);
  if (problem) {
    return (
      <ProblemBox
        title={trans.__('The code could not be fetched')}
        words={problem}
        trans={trans}
        onRetry={() => setTries(tries + 1)}
        onGone={options.onGone}
      />
    );
  }
  if (!sides) {
    return <p className="ch-Quiet">{trans.__('Fetching the code…')}</p>;
  }
  const [old, mine] = sides;
  // what comes later is what has been added: the notebook as it is now, and the author's solution, come after the attempt
  const later = against === 'now' || against === 'solution';
  const [from, to] = old && later ? [mine, old] : [old, mine];
  const names = later
    ? [
        trans.__('This attempt'),
        against === 'now' ? trans.__('The notebook now') : trans.__('The author’s solution')
      ]
    : [trans.__('Compared with'), trans.__('This attempt')];
  const both = [...to, ...(from ?? [])];
  const ids = [...new Set(both.map(cell => cell.id))];
  const named = (id: string): string =>
    both.find(cell => cell.id === id)?.own ? trans.__('A cell of yours') : id;
  const source = (cells: ICellText[] | null, id: string): string =>
    cells?.find(cell => cell.id === id)?.source ?? '';
  return (
    <>
      {from && (
        <p className="ch-Quiet">
          <span aria-hidden>− </span>
          {names[0]}
          {' · '}
          <span aria-hidden>+ </span>
          {names[1]}
        </p>
      )}
      {ids.map(id => (
        <section key={id} className="ch-Attempt-cell" aria-label={named(id)}>
          <h4>{named(id)}</h4>
          {!from ? (
            <pre tabIndex={0}>{source(to, id)}</pre>
          ) : source(from, id) === source(to, id) ? (
            <p className="ch-Quiet">{trans.__('The same in both.')}</p>
          ) : (
            <LinesDifference before={source(from, id)} after={source(to, id)} names={names} />
          )}
        </section>
      ))}
    </>
  );
}

/** The learner's own code: what is not the author's locked cells. */
export function codeCells(notebook: INotebookContent): ICellText[] {
  return notebook.cells.flatMap((cell, index) => {
    const part = cell.metadata.nbgrader as { grade_id?: string; solution?: boolean } | undefined;
    if (cell.cell_type !== 'code' || (part && !part.solution)) {
      return [];
    }
    const source = Array.isArray(cell.source) ? cell.source.join('') : cell.source;
    const id = part?.grade_id ?? (cell.id as string | undefined) ?? `cell-${index}`;
    return source.trim() || part ? [{ id, source, own: !part }] : [];
  });
}
