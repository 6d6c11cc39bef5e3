import { MainAreaWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal, refreshIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import React from 'react';

import { Api, ApiError } from './api';
import { trackTitle } from './challengelist';
import { leaderboardIcon } from './icons';
import { Participation } from './participation';
import { ProblemBox } from './problembox';
import { wordsOf } from './problems';
import { ILeaderboard, ILeaderboardRow } from './types';
import { points } from './words';

/** Choices that were right when they were made: a track's last challenge was retired, say. */
const GONE = new Set(['track_unknown', 'class_unknown']);

/** How those who chose to take part stand, and the choice to be one of them. */
export class LeaderboardView extends ReactWidget {
  constructor(
    private readonly api: Api,
    private readonly trans: TranslationBundle,
    private readonly say: (text: string) => void
  ) {
    super();
    this.id = 'challengehub-leaderboard';
    this.addClass('ch-Leaderboard');
    this.title.label = trans.__('Leaderboard');
    this.title.icon = leaderboardIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
  }

  /** Asks the grader anew; what is shown stays until the answer is here. With `aloud` it is also said. */
  async refresh(aloud = false): Promise<void> {
    const asked = ++this._asked;
    this._loading = true;
    this._changed.emit();
    try {
      const board = await this.api.leaderboard(this._track, this._class);
      if (asked !== this._asked) {
        return;
      }
      this._board = board;
      this._problem = '';
    } catch (reason) {
      if (asked !== this._asked) {
        return;
      }
      if (reason instanceof ApiError && GONE.has(reason.code) && (this._track || this._class)) {
        this._track = this._class = '';
        return this.refresh(aloud);
      }
      this._problem = wordsOf(reason, this.trans);
    }
    this._loading = false;
    this._changed.emit();
    if (aloud && this._board && !this._problem) {
      this.say(summary(this._board, this.trans));
    }
  }

  protected override onBeforeAttach(message: Message): void {
    // not before: a MainAreaWidget calls every content "main area content"
    this.node.setAttribute('aria-label', this.trans.__('Leaderboard'));
    super.onBeforeAttach(message);
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      void this.refresh();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    if (!this._loading) {
      void this.refresh();
    }
  }

  protected override render(): React.ReactElement {
    return <UseSignal signal={this._changed}>{() => this.body()}</UseSignal>;
  }

  private body(): React.ReactElement {
    const { trans } = this;
    const board = this._board;
    return (
      <div className="ch-Leaderboard-page" aria-busy={this._loading}>
        <header>
          <h2>{trans.__('Leaderboard')}</h2>
          {board && this.choices(board)}
          <button
            type="button"
            className="ch-IconButton"
            title={trans.__('Refresh the leaderboard')}
            aria-label={trans.__('Refresh the leaderboard')}
            aria-busy={this._loading}
            onClick={() => void this.refresh(true)}
          >
            <refreshIcon.react tag="span" aria-hidden />
          </button>
        </header>
        {this._problem && (
          <ProblemBox
            title={trans.__('The leaderboard could not be loaded')}
            words={this._problem}
            also={board ? trans.__('Below it is as it was.') : ''}
            trans={trans}
            onRetry={() => void this.refresh(true)}
            onGone={() => this.node.focus()}
          />
        )}
        {!board && this._loading && (
          <div role="status" aria-label={trans.__('Loading the leaderboard')}>
            {[0, 1, 2].map(i => (
              <div key={i} className="ch-Skeleton" />
            ))}
          </div>
        )}
        {board && (
          <>
            <Participation
              takingPart={board.taking_part}
              trans={trans}
              onTakePart={this._takePart}
              onLeave={this._leave}
            />
            <Standing board={board} trans={trans} />
          </>
        )}
      </div>
    );
  }

  private choices(board: ILeaderboard): React.ReactElement {
    const { trans } = this;
    const tracks = board.tracks.map(track => [track, trackTitle(track)] as const);
    const classes = board.classes.map(name => [name, name] as const);
    return (
      <>
        <Choice
          id="ch-leaderboard-track"
          label={trans.__('Track')}
          value={this._track}
          options={[['', trans.__('All tracks')], ...tracks]}
          onChange={track => {
            this._track = track;
            void this.refresh(true);
          }}
        />
        {classes.length > 0 && (
          <Choice
            id="ch-leaderboard-class"
            label={trans.__('Class')}
            value={this._class}
            options={[['', trans.__('Everybody')], ...classes]}
            onChange={name => {
              this._class = name;
              void this.refresh(true);
            }}
          />
        )}
      </>
    );
  }

  private readonly _takePart = async (name: string): Promise<void> => {
    const { display_name } = await this.api.takePart(name);
    await this.refresh();
    this.say(this.trans.__('You take part as %1.', display_name));
  };

  private readonly _leave = async (): Promise<void> => {
    await this.api.leaveLeaderboards();
    await this.refresh();
    this.say(this.trans.__('You have left the leaderboards. Nobody sees anything of yours there.'));
  };

  private readonly _changed = new Signal<this, void>(this);
  private _board: ILeaderboard | null = null;
  private _problem = '';
  private _loading = false;
  private _asked = 0;
  private _track = '';
  private _class = '';
}

/** The one tab with the leaderboard, made when it is first asked for. */
export class LeaderboardTab {
  constructor(
    private readonly make: () => LeaderboardView,
    private readonly add: (widget: MainAreaWidget<LeaderboardView>) => void
  ) {}

  open(): void {
    if (!this._widget || this._widget.isDisposed) {
      this._widget = new MainAreaWidget({ content: this.make() });
      this._widget.id = `${this._widget.content.id}-tab`;
    }
    this.add(this._widget);
  }

  /** A verdict came in: whoever looks at the leaderboard sees it move. */
  refresh(): void {
    if (this._widget?.isVisible) {
      void this._widget.content.refresh();
    }
  }

  private _widget: MainAreaWidget<LeaderboardView> | null = null;
}

function Choice(props: {
  id: string;
  label: string;
  value: string;
  options: (readonly [value: string, words: string])[];
  onChange: (value: string) => void;
}): React.ReactElement {
  return (
    <div className="ch-Leaderboard-choice">
      <label htmlFor={props.id}>{props.label}</label>
      <select
        id={props.id}
        className="ch-Field"
        value={props.value}
        onChange={event => props.onChange(event.target.value)}
      >
        {props.options.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

function Standing({
  board,
  trans
}: {
  board: ILeaderboard;
  trans: TranslationBundle;
}): React.ReactElement {
  const { rows, taking_part } = board;
  if (rows.length === 0) {
    return (
      <div className="ch-Empty">
        <leaderboardIcon.react tag="span" className="ch-Empty-icon" aria-hidden />
        <p>
          {taking_part
            ? trans.__(
                'Nobody who takes part has points here yet. Pass a challenge, and you are the first.'
              )
            : trans.__('Nobody who takes part has points here yet.')}
        </p>
      </div>
    );
  }
  return (
    <>
      <table>
        <caption>{heading(board, trans)}</caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Rank')}</th>
            <th scope="col">{trans.__('Name')}</th>
            <th scope="col">{trans.__('Points')}</th>
            <th scope="col">{trans.__('Challenges passed')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <React.Fragment key={row.place}>
              {index > 0 && row.place > rows[index - 1].place + 1 && (
                <tr className="ch-Leaderboard-gap">
                  <td colSpan={4}>
                    <span aria-hidden>⋮</span>
                    <span className="ch-sr">
                      {trans.__('%1 left out', row.place - rows[index - 1].place - 1)}
                    </span>
                  </td>
                </tr>
              )}
              <Row row={row} trans={trans} />
            </React.Fragment>
          ))}
        </tbody>
      </table>
      {taking_part && !rows.some(row => row.own) && (
        <p className="ch-Quiet">
          {trans.__('You have no points here yet. Your row appears with the first ones.')}
        </p>
      )}
    </>
  );
}

function Row({
  row,
  trans
}: {
  row: ILeaderboardRow;
  trans: TranslationBundle;
}): React.ReactElement {
  return (
    <tr data-own={row.own || undefined} aria-current={row.own || undefined}>
      <td>{row.rank}</td>
      <th scope="row">
        {/* a name that is written from right to left leaves the row around it as it is */}
        <bdi>{row.display_name}</bdi>
        {row.own && <span className="ch-Leaderboard-own">{trans.__('You')}</span>}
      </th>
      <td>{points(row.points)}</td>
      <td>{row.passed}</td>
    </tr>
  );
}

function heading(board: ILeaderboard, trans: TranslationBundle): string {
  const who = trans._n('%1 learner', '%1 learners', board.learners);
  const what = trans._n('%1 challenge', '%1 challenges', board.challenges);
  const where = board.track ? trackTitle(board.track) : trans.__('All tracks');
  return [where, board.class, who, what].filter(Boolean).join(' · ');
}

/** What is shown in a sentence or two, for those who hear the page. */
function summary(board: ILeaderboard, trans: TranslationBundle): string {
  const own = board.rows.find(row => row.own);
  const shown = trans.__('Leaderboard: %1.', heading(board, trans));
  return own ? `${shown} ${trans.__('You are number %1.', own.rank)}` : shown;
}
