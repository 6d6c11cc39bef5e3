import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal, refreshIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import React from 'react';

import { Api, ApiError } from './api';
import { ChallengeCard } from './challengecard';
import { ChallengeFilters } from './challengefilters';
import { ANY, ChallengeList, IFilter, ITrack, trackTitle } from './challengelist';
import { challengesIcon, leaderboardIcon, sandboxIcon } from './icons';
import { ProblemBox } from './problembox';
import { UNREACHABLE } from './problems';
import { IChallenge } from './types';

/** The list of challenges at the left: what there is, how far the learner is, and the way in. */
export class ChallengesPanel extends ReactWidget {
  constructor(
    private readonly api: Api,
    private readonly trans: TranslationBundle,
    private readonly open: (challenge: IChallenge) => Promise<void>,
    private readonly showLeaderboard: () => void,
    private readonly showSandbox: () => void
  ) {
    super();
    this.id = 'challengehub-challenges';
    this.addClass('ch-Challenges');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Challenges'));
    this.title.icon = challengesIcon;
    this.title.caption = trans.__('Challenges');
  }

  /** Asks the grader anew; a list that is already shown stays until the answer is here. */
  async refresh(): Promise<void> {
    if (this._loading) {
      return;
    }
    this._loading = true;
    this._changed.emit();
    try {
      this._list = new ChallengeList(await this.api.challenges());
      this._problem = null;
    } catch (reason) {
      if (!(reason instanceof ApiError)) {
        console.error('ChallengeHub:', reason);
      }
      this._problem =
        reason instanceof ApiError
          ? { words: reason.message, away: UNREACHABLE.has(reason.code) }
          : {
              words: this.trans.__('The list could not be read. Reload the page and try again.'),
              away: false
            };
    }
    this._loading = false;
    this._changed.emit();
  }

  /** Gives the panel the keyboard: the challenge last gone to, or the search where there is none. */
  focus(): void {
    const places = [
      '.ch-Challenge[tabindex="0"]',
      '.ch-Filters input',
      '.ch-Problem button',
      'button'
    ];
    for (const place of places) {
      const node = this.node.querySelector<HTMLElement>(place);
      if (node && node.checkVisibility()) {
        node.focus();
        return;
      }
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    window.addEventListener('online', this._online);
  }

  protected override onBeforeDetach(message: Message): void {
    window.removeEventListener('online', this._online);
    super.onBeforeDetach(message);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.refresh();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    // JupyterLab activates what was open when it restores its layout, late; somebody may be typing by then
    const holder = document.activeElement;
    if (!holder || holder === document.body || holder.closest('.jp-SideBar')) {
      this.focus();
    }
  }

  protected override render(): React.ReactElement {
    return <UseSignal signal={this._changed}>{() => this.body()}</UseSignal>;
  }

  private body(): React.ReactElement {
    const { trans } = this;
    const list = this._list;
    const all = list?.challenges ?? [];
    return (
      <>
        <div className="ch-Challenges-header">
          <h2>{trans.__('Challenges')}</h2>
          {all.length > 0 && (
            <span title={trans.__('%1 of %2 passed', passedOf(all), all.length)}>
              {trans.__('%1 / %2', passedOf(all), all.length)}
              <span className="ch-sr"> {trans.__('passed')}</span>
            </span>
          )}
          <button
            type="button"
            className="ch-IconButton"
            title={trans.__('Leaderboard')}
            aria-label={trans.__('Leaderboard')}
            onClick={this.showLeaderboard}
          >
            <leaderboardIcon.react tag="span" aria-hidden />
          </button>
          <button
            type="button"
            className="ch-IconButton"
            title={trans.__('What the sandbox has')}
            aria-label={trans.__('What the sandbox has')}
            onClick={this.showSandbox}
          >
            <sandboxIcon.react tag="span" aria-hidden />
          </button>
          <button
            type="button"
            className="ch-IconButton"
            title={trans.__('Refresh the list')}
            aria-label={trans.__('Refresh the list')}
            aria-busy={this._loading}
            onClick={() => void this.refresh()}
          >
            <refreshIcon.react tag="span" aria-hidden />
          </button>
        </div>
        {this._problem && this.problem(this._problem)}
        {!list && this._loading && (
          <div role="status" aria-label={trans.__('Loading the challenges')}>
            {[0, 1, 2, 3].map(i => (
              <div key={i} className="ch-Skeleton" />
            ))}
          </div>
        )}
        {list && all.length === 0 && (
          <div className="ch-Empty">
            <challengesIcon.react tag="span" className="ch-Empty-icon" aria-hidden />
            <p>
              {trans.__(
                'There are no challenges yet. Once an instructor publishes one, it appears here.'
              )}
            </p>
          </div>
        )}
        {list && all.length > 0 && (
          <Challenges list={list} opening={this._opening} trans={trans} onOpen={this._enter} />
        )}
      </>
    );
  }

  private problem(problem: { words: string; away: boolean }): React.ReactElement {
    const { trans } = this;
    return (
      <ProblemBox
        title={trans.__('The challenges could not be loaded')}
        words={problem.words}
        also={
          problem.away && this._list
            ? trans.__('Below is the list as it was. What you have open, you can go on with.')
            : ''
        }
        trans={trans}
        onRetry={() => void this.refresh()}
        onGone={() => this.focus()}
      />
    );
  }

  private readonly _enter = async (challenge: IChallenge): Promise<void> => {
    if (this._opening) {
      return;
    }
    this._opening = challenge.slug;
    this._changed.emit();
    try {
      await this.open(challenge);
    } finally {
      this._opening = '';
      this._changed.emit();
    }
  };

  private readonly _online = (): void => {
    if (this._problem) {
      void this.refresh();
    }
  };

  private readonly _changed = new Signal<this, void>(this);
  private _list: ChallengeList | null = null;
  private _problem: { words: string; away: boolean } | null = null;
  private _loading = false;
  private _opening = '';
}

interface IListProps {
  list: ChallengeList;
  opening: string;
  trans: TranslationBundle;
  onOpen: (challenge: IChallenge) => void;
}

function Challenges({ list, opening, trans, onOpen }: IListProps): React.ReactElement {
  const [filter, setFilter] = React.useState<IFilter>(ANY);
  const [focused, setFocused] = React.useState('');
  // the field shows each key at once; the list follows when there is time
  const wanted = React.useDeferredValue(filter);
  const shown = React.useMemo(() => list.matching(wanted), [list, wanted]);
  const visible = list.challenges.filter(one => shown.has(one.slug));
  // one stop for the Tab key: the challenge that was last gone to, else the one to go on with
  const stop = [focused, list.next?.slug ?? '', visible[0]?.slug].find(
    slug => slug && shown.has(slug)
  );
  const first = list.untouched && list.next;
  const panel = React.useRef<HTMLDivElement>(null);
  React.useLayoutEffect(() => {
    // who was quicker than the list and has gone to a challenge that it leaves out now keeps the keyboard
    const holder = document.activeElement;
    if (panel.current?.contains(holder) && holder?.closest('li[hidden]')) {
      (cardsIn(panel.current)[0] ?? searchIn(panel.current))?.focus();
    }
  }, [shown]);

  const onKeyDown = (event: React.KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === 'Enter' && filter.query) {
      // of what is in the field now, which the list may not show yet
      const found = list.matching(filter);
      const best = list.challenges.find(one => found.has(one.slug));
      if (best) {
        onOpen(best);
      }
    } else if (event.key === 'Escape' && filter !== ANY) {
      setFilter(ANY);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div ref={panel} onKeyDown={moveFocus}>
      {first && (
        <section className="ch-Welcome" aria-label={trans.__('Welcome')}>
          <h3>{trans.__('Welcome')}</h3>
          <p>
            {trans.__(
              'Each challenge is a notebook: read the task, write your answer, press Submit. You see at once which checks pass, and you may try as often as you like.'
            )}
          </p>
          <button type="button" className="ch-Button ch-mod-primary" onClick={() => onOpen(first)}>
            {trans.__('Start with “%1”', first.title)}
          </button>
        </section>
      )}
      <ChallengeFilters
        list={list}
        filter={filter}
        found={shown.size}
        trans={trans}
        onChange={setFilter}
        onKeyDown={onKeyDown}
      />
      {shown.size === 0 && (
        <div className="ch-Empty">
          <p>{trans.__('No challenge fits. Try fewer words or another filter.')}</p>
          <button type="button" className="ch-Button" onClick={() => setFilter(ANY)}>
            {trans.__('Show all challenges')}
          </button>
        </div>
      )}
      {list.tracks.map((track, i) => (
        <section
          key={track.name}
          className="ch-Track"
          aria-labelledby={`ch-track-${i}`}
          data-filtered={shown.size < list.challenges.length || undefined}
          hidden={!track.challenges.some(one => shown.has(one.slug))}
        >
          <TrackHeading id={`ch-track-${i}`} track={track} trans={trans} />
          <ol>
            {track.challenges.map(challenge => (
              // hidden, not taken out: 500 cards need not be made anew at each key
              <li key={challenge.slug} hidden={!shown.has(challenge.slug)}>
                <ChallengeCard
                  challenge={challenge}
                  after={list
                    .unmet(challenge)
                    .map(one => one.title)
                    .join(', ')}
                  isNext={!list.untouched && challenge === list.next}
                  inTabOrder={challenge.slug === stop}
                  opening={challenge.slug === opening}
                  trans={trans}
                  onFocus={setFocused}
                  onOpen={onOpen}
                />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function TrackHeading(props: {
  id: string;
  track: ITrack;
  trans: TranslationBundle;
}): React.ReactElement {
  const { track, trans } = props;
  const passed = passedOf(track.challenges);
  const total = track.challenges.length;
  return (
    <>
      <h3 id={props.id}>
        {track.name ? trackTitle(track.name) : trans.__('More challenges')}
        <small>
          {trans.__('%1 / %2', passed, total)}
          <span className="ch-sr"> {trans.__('passed')}</span>
        </small>
      </h3>
      <div className="ch-Track-bar" aria-hidden>
        <span style={{ width: `${(100 * passed) / total}%` }} />
      </div>
    </>
  );
}

function passedOf(challenges: readonly IChallenge[]): number {
  return challenges.filter(challenge => challenge.state === 'passed').length;
}

/** The challenges that are shown, in their order. */
function cardsIn(panel: HTMLElement): HTMLElement[] {
  return [...panel.querySelectorAll<HTMLElement>('li:not([hidden]) > .ch-Challenge')];
}

function searchIn(panel: HTMLElement): HTMLElement | null {
  return panel.querySelector<HTMLElement>('.ch-Filters input');
}

/**
 * Arrow keys, Home and End go through the challenges as through one list, up from the first is the search,
 * and a slash leads there from anywhere; Enter is the button's own.
 */
function moveFocus(event: React.KeyboardEvent<HTMLElement>): void {
  const panel = event.currentTarget;
  const holder = document.activeElement as HTMLElement;
  const typing = holder.matches('input, select, textarea');
  if (event.ctrlKey || event.altKey || event.metaKey || (event.shiftKey && event.key !== '/')) {
    return;
  }
  const search = searchIn(panel);
  const cards = cardsIn(panel);
  const here = cards.indexOf(holder);
  let to: HTMLElement | null | undefined;
  if (event.key === '/' && !typing) {
    to = search;
  } else if (event.key === 'ArrowDown' && (here >= 0 || holder === search)) {
    to = cards[Math.min(here + 1, cards.length - 1)];
  } else if (here >= 0) {
    const last = cards.length - 1;
    const up = here === 0 ? search : cards[here - 1];
    to = { ArrowUp: up, Home: cards[0], End: cards[last] }[event.key];
  }
  if (to) {
    event.preventDefault();
    to.focus();
  }
}
