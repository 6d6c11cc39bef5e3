import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { ANY, ChallengeList, IFilter, trackTitle } from './challengelist';
import { ChallengeState } from './types';
import { stateWord } from './words';

interface IProps {
  list: ChallengeList;
  filter: IFilter;
  found: number;
  trans: TranslationBundle;
  onChange: (filter: IFilter) => void;
  onKeyDown: (event: React.KeyboardEvent<HTMLInputElement>) => void;
}

const STATES: (ChallengeState | '')[] = ['', 'new', 'started', 'passed'];

/** Search as you type, the states as buttons, and what is wanted less often behind one more. */
export function ChallengeFilters(props: IProps): React.ReactElement {
  const { list, filter, trans, onChange } = props;
  const [open, setOpen] = React.useState(false);
  const chosen = [filter.track, filter.tag, filter.difficulty].filter(Boolean).length;
  const change = (part: Partial<IFilter>): void => onChange({ ...filter, ...part });
  const isAny = Object.values(filter).every(value => value === '');
  return (
    <search className="ch-Filters">
      <input
        type="search"
        className="ch-Field"
        value={filter.query}
        placeholder={trans.__('Search challenges')}
        aria-label={trans.__('Search challenges')}
        aria-keyshortcuts="/"
        autoComplete="off"
        spellCheck={false}
        onChange={event => change({ query: event.target.value })}
        onKeyDown={props.onKeyDown}
      />
      <div className="ch-Filters-row" role="group" aria-label={trans.__('State')}>
        {STATES.map(state => (
          <button
            key={state}
            type="button"
            className="ch-Toggle"
            aria-pressed={filter.state === state}
            onClick={() => change({ state })}
          >
            {state ? stateWord(state, trans) : trans.__('All')}
          </button>
        ))}
        <button
          type="button"
          className="ch-Toggle ch-mod-more"
          aria-expanded={open}
          aria-controls="ch-filters-more"
          onClick={() => setOpen(!open)}
        >
          {chosen ? trans.__('Filters (%1)', chosen) : trans.__('Filters')}
        </button>
      </div>
      <div id="ch-filters-more" className="ch-Filters-more" hidden={!open}>
        <Choice
          label={trans.__('Track')}
          value={filter.track}
          options={list.tracks
            .filter(one => one.name)
            .map(one => [one.name, trackTitle(one.name)] as const)}
          any={trans.__('Any track')}
          onChange={track => change({ track })}
        />
        <Choice
          label={trans.__('Tag')}
          value={filter.tag}
          options={list.tags.map(tag => [tag, tag] as const)}
          any={trans.__('Any tag')}
          onChange={tag => change({ tag })}
        />
        <Choice
          label={trans.__('Difficulty')}
          value={filter.difficulty}
          options={[1, 2, 3, 4, 5].map(
            step => [String(step), trans.__('Difficulty %1 of 5', step)] as const
          )}
          any={trans.__('Any difficulty')}
          onChange={difficulty => change({ difficulty })}
        />
      </div>
      <p className="ch-Filters-found" role="status" hidden={isAny}>
        {!isAny && (
          <>
            {trans.__('%1 of %2 challenges', props.found, list.challenges.length)}
            <button type="button" className="ch-Link" onClick={() => onChange(ANY)}>
              {trans.__('Show all')}
            </button>
          </>
        )}
      </p>
    </search>
  );
}

function Choice(props: {
  label: string;
  value: string;
  options: (readonly [value: string, words: string])[];
  any: string;
  onChange: (value: string) => void;
}): React.ReactElement {
  return (
    <select
      className="ch-Field"
      aria-label={props.label}
      value={props.value}
      onChange={event => props.onChange(event.target.value)}
    >
      <option value="">{props.any}</option>
      {props.options.map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </select>
  );
}
