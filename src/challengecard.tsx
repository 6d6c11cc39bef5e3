import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { startedIcon, statusIcons, waitingIcon } from './icons';
import { ChallengeState, IChallenge } from './types';
import { points, stateWord } from './words';

const STATE_ICONS = { new: waitingIcon, started: startedIcon, passed: statusIcons.passed };

interface IProps {
  challenge: IChallenge;
  /** Titles of what it builds on and the learner has not passed, or "". */
  after: string;
  isNext: boolean;
  inTabOrder: boolean;
  opening: boolean;
  trans: TranslationBundle;
  onFocus: (slug: string) => void;
  onOpen: (challenge: IChallenge) => void;
}

/** One challenge in the list. Drawn again only when something of its own changes: there may be hundreds. */
export const ChallengeCard = React.memo(function ChallengeCard(props: IProps): React.ReactElement {
  const { challenge, trans, opening } = props;
  const { slug, state, attempts, best_score, max_score } = challenge;
  const Icon = STATE_ICONS[state] ?? waitingIcon;
  return (
    <button
      type="button"
      className="ch-Challenge"
      data-state={state}
      data-slug={slug}
      tabIndex={props.inTabOrder ? 0 : -1}
      aria-busy={opening}
      title={trans.__('Open “%1”', challenge.title)}
      onFocus={() => props.onFocus(slug)}
      onClick={() => props.onOpen(challenge)}
    >
      {opening ? (
        <span className="ch-Spinner" aria-hidden />
      ) : (
        <Icon.react tag="span" className="ch-Challenge-state" aria-hidden />
      )}
      <span className="ch-Challenge-title">
        {/* a space, not a margin: on a line of its own it stands where the title does */}
        {challenge.title}{' '}
        {props.isNext && <span className="ch-Challenge-next">{trans.__('Next')}</span>}
      </span>
      {challenge.summary && <span className="ch-Challenge-summary">{challenge.summary}</span>}
      <span className="ch-Challenge-facts">
        <span className="ch-Chip">{stateWord(state as ChallengeState, trans)}</span>
        <Difficulty value={challenge.difficulty} trans={trans} />
        <span>
          {best_score !== null && state !== 'new'
            ? trans.__('%1 / %2 points', points(best_score), points(max_score))
            : trans.__('%1 points', points(max_score))}
        </span>
        {attempts > 0 && <span>{trans._n('%1 attempt', '%1 attempts', attempts)}</span>}
      </span>
      {props.after && (
        <span className="ch-Challenge-after">{trans.__('Builds on: %1', props.after)}</span>
      )}
    </button>
  );
});

function Difficulty(props: { value: number; trans: TranslationBundle }): React.ReactElement {
  const words = props.trans.__('Difficulty %1 of 5', props.value);
  return (
    <span className="ch-Difficulty" title={words}>
      <span className="ch-sr">{words}</span>
      {[1, 2, 3, 4, 5].map(step => (
        <i key={step} aria-hidden className={step <= props.value ? 'ch-mod-on' : ''} />
      ))}
    </span>
  );
}
