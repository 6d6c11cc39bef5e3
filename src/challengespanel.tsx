import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal, refreshIcon } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import React from 'react';

import { Api, ApiError } from './api';
import { challengesIcon, problemIcon, startedIcon, statusIcons, waitingIcon } from './icons';
import { ChallengeState, IChallenge } from './types';
import { points } from './words';

const STATE_ICONS = { new: waitingIcon, started: startedIcon, passed: statusIcons.passed };

/** The list of challenges at the left: what there is, how far the learner is, and the way in. */
export class ChallengesPanel extends ReactWidget {
  constructor(
    private readonly api: Api,
    private readonly trans: TranslationBundle,
    private readonly open: (challenge: IChallenge) => Promise<void>
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
      this._challenges = await this.api.challenges();
      this._error = '';
    } catch (reason) {
      if (!(reason instanceof ApiError)) {
        console.error('ChallengeHub:', reason);
      }
      this._error =
        reason instanceof ApiError
          ? reason.message
          : this.trans.__('The list could not be read. Reload the page and try again.');
    }
    this._loading = false;
    this._changed.emit();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.refresh();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector<HTMLElement>('.ch-Challenge[tabindex="0"], button')?.focus();
  }

  protected override render(): React.ReactElement {
    return <UseSignal signal={this._changed}>{() => this.body()}</UseSignal>;
  }

  private body(): React.ReactElement {
    const { trans } = this;
    const challenges = this._challenges;
    const passed = challenges?.filter(challenge => challenge.state === 'passed').length ?? 0;
    return (
      <>
        <div className="ch-Challenges-header">
          <h2>{trans.__('Challenges')}</h2>
          {challenges && challenges.length > 0 && (
            <span>{trans.__('%1 of %2 passed', passed, challenges.length)}</span>
          )}
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
        {this._error && (
          <section className="ch-Problem" role="alert">
            <problemIcon.react tag="span" className="ch-Problem-icon" aria-hidden />
            <div>
              <h3>{trans.__('The challenges could not be loaded')}</h3>
              <p>{this._error}</p>
              <button type="button" className="ch-Button" onClick={() => void this.refresh()}>
                {trans.__('Retry')}
              </button>
            </div>
          </section>
        )}
        {!challenges && this._loading && (
          <div role="status" aria-label={trans.__('Loading the challenges')}>
            {[0, 1, 2, 3].map(i => (
              <div key={i} className="ch-Skeleton" />
            ))}
          </div>
        )}
        {challenges && challenges.length === 0 && (
          <div className="ch-Empty">
            <challengesIcon.react tag="span" className="ch-Empty-icon" aria-hidden />
            <p>
              {trans.__(
                'There are no challenges yet. Once an instructor publishes one, it appears here.'
              )}
            </p>
          </div>
        )}
        {challenges && challenges.length > 0 && this.tracks(challenges)}
      </>
    );
  }

  private tracks(challenges: IChallenge[]): React.ReactElement {
    const { trans } = this;
    const tracks = new Map<string, IChallenge[]>();
    for (const challenge of inLearningOrder(challenges)) {
      const name = challenge.track || trans.__('More challenges');
      tracks.set(name, [...(tracks.get(name) ?? []), challenge]);
    }
    // one stop for the Tab key, at the challenge that was last gone to
    const focused = challenges.some(challenge => challenge.slug === this._focused)
      ? this._focused
      : [...tracks.values()][0][0].slug;
    return (
      <div onKeyDown={moveFocus}>
        {[...tracks].map(([name, list], i) => (
          <section key={name} className="ch-Track" aria-labelledby={`ch-track-${i}`}>
            <h3 id={`ch-track-${i}`}>
              {trackTitle(name)}
              <small>
                {trans.__('%1 / %2', list.filter(c => c.state === 'passed').length, list.length)}
                <span className="ch-sr"> {trans.__('passed')}</span>
              </small>
            </h3>
            <ul>
              {list.map(challenge => (
                <li key={challenge.slug}>{this.card(challenge, challenge.slug === focused)}</li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    );
  }

  private card(challenge: IChallenge, inTabOrder: boolean): React.ReactElement {
    const { trans } = this;
    const { slug, state, best_score, max_score, difficulty } = challenge;
    const Icon = STATE_ICONS[state] ?? waitingIcon;
    const started = best_score !== null && state !== 'new';
    return (
      <button
        type="button"
        className="ch-Challenge"
        data-state={state}
        tabIndex={inTabOrder ? 0 : -1}
        aria-busy={this._opening === slug}
        title={trans.__('Open “%1”', challenge.title)}
        onFocus={() => {
          this._focused = slug;
          this._changed.emit();
        }}
        onClick={() => void this.enter(challenge)}
      >
        {this._opening === slug ? (
          <span className="ch-Spinner" aria-hidden />
        ) : (
          <Icon.react tag="span" className="ch-Challenge-state" aria-hidden />
        )}
        <span className="ch-Challenge-title">{challenge.title}</span>
        {challenge.summary && <span className="ch-Challenge-summary">{challenge.summary}</span>}
        <span className="ch-Challenge-facts">
          <span className="ch-Chip">{stateWord(state, trans)}</span>
          <span className="ch-Difficulty" title={trans.__('Difficulty %1 of 5', difficulty)}>
            <span className="ch-sr">{trans.__('Difficulty %1 of 5', difficulty)}</span>
            {[1, 2, 3, 4, 5].map(step => (
              <i key={step} aria-hidden className={step <= difficulty ? 'ch-mod-on' : ''} />
            ))}
          </span>
          <span>
            {started
              ? trans.__('%1 / %2 points', points(best_score), points(max_score))
              : trans.__('%1 points', points(max_score))}
          </span>
        </span>
      </button>
    );
  }

  private async enter(challenge: IChallenge): Promise<void> {
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
  }

  private readonly _changed = new Signal<this, void>(this);
  private _challenges: IChallenge[] | null = null;
  private _error = '';
  private _loading = false;
  private _opening = '';
  private _focused = '';
}

/** Easy ones first, and none before what it builds on; tracks then stand where their first challenge does. */
function inLearningOrder(challenges: IChallenge[]): IChallenge[] {
  const waiting = [...challenges].sort(
    (a, b) => a.difficulty - b.difficulty || a.title.localeCompare(b.title)
  );
  const unmet = new Set(waiting.map(challenge => challenge.slug));
  const ordered: IChallenge[] = [];
  while (waiting.length > 0) {
    const ready = waiting.findIndex(
      challenge => !challenge.prerequisites.some(slug => slug !== challenge.slug && unmet.has(slug))
    );
    // prerequisites that go round in a circle must not hide a challenge
    const [next] = waiting.splice(Math.max(ready, 0), 1);
    unmet.delete(next.slug);
    ordered.push(next);
  }
  return ordered;
}

/** Tracks are folder names where nobody gave them a title; a person reads words. */
function trackTitle(track: string): string {
  const words = track.replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function stateWord(state: ChallengeState, trans: TranslationBundle): string {
  const words = { new: trans.__('New'), started: trans.__('Started'), passed: trans.__('Passed') };
  return words[state] ?? state;
}

/** Arrow keys, Home and End go through the challenges as through one list; Enter is the button's own. */
function moveFocus(event: React.KeyboardEvent<HTMLElement>): void {
  const cards = [...event.currentTarget.querySelectorAll<HTMLElement>('.ch-Challenge')];
  const here = cards.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: cards.length - 1 }[event.key];
  if (to === undefined || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) {
    return;
  }
  event.preventDefault();
  cards[Math.max(0, Math.min(cards.length - 1, to))]?.focus();
}
