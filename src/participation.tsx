import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { ApiError } from './api';
import { wordsOf } from './problems';
import { ITakingPart } from './types';

interface IProps {
  takingPart: ITakingPart | null;
  trans: TranslationBundle;
  /** Both reject with what the grader refused. */
  onTakePart: (name: string) => Promise<void>;
  onLeave: () => Promise<void>;
}

/** Whether others see the learner on leaderboards, what exactly they see, and the way in and out. */
export function Participation({
  takingPart,
  trans,
  onTakePart,
  onLeave
}: IProps): React.ReactElement {
  const [renaming, setRenaming] = React.useState(false);
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState<{ words: string; ofName: boolean } | null>(null);
  const section = React.useRef<HTMLElement>(null);

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    if (busy) {
      return;
    }
    setBusy(true);
    try {
      await work();
      setProblem(null);
      setRenaming(false);
      // what was pressed has gone; the keyboard stays where it was
      section.current?.focus();
    } catch (reason) {
      const ofName = reason instanceof ApiError && reason.code.startsWith('display_name_');
      setProblem({ words: wordsOf(reason, trans), ofName });
    }
    setBusy(false);
  };

  const form = (label: string): React.ReactElement => (
    <NameForm
      label={label}
      start={takingPart?.display_name ?? ''}
      problem={problem}
      busy={busy}
      trans={trans}
      onSubmit={name => void attempt(() => onTakePart(name))}
      onCancel={
        takingPart
          ? () => {
              setRenaming(false);
              setProblem(null);
              section.current?.focus();
            }
          : null
      }
    />
  );

  return (
    <section
      ref={section}
      tabIndex={-1}
      className="ch-Participation"
      data-taking-part={takingPart !== null}
      aria-label={trans.__('Taking part')}
    >
      {takingPart ? (
        <>
          <p>
            {trans.__('You take part as')} <bdi>{takingPart.display_name}</bdi>
          </p>
          {!renaming && (
            <>
              <button type="button" className="ch-Button" onClick={() => setRenaming(true)}>
                {trans.__('Change name')}
              </button>
              <button
                type="button"
                className="ch-Button"
                aria-disabled={busy}
                onClick={() => void attempt(onLeave)}
              >
                {trans.__('Leave')}
              </button>
            </>
          )}
          {renaming && form(trans.__('Save'))}
        </>
      ) : (
        <>
          <h3>{trans.__('You are not on the leaderboards')}</h3>
          <p>{trans.__('Nobody sees anything of yours here. If you take part, others see:')}</p>
          <ul>
            <li>{trans.__('the name that you type below')}</li>
            <li>{trans.__('your points, and how many challenges you have passed')}</li>
          </ul>
          <p>
            {trans.__(
              'Everybody who can sign in here sees that; those in a class with you also see that you are in it. Nobody sees your account’s name, your code or your attempts. You can leave at any time with one click, and are gone from here at once.'
            )}
          </p>
          {form(trans.__('Take part'))}
        </>
      )}
      {problem && !problem.ofName && (
        <p className="ch-Participation-problem" role="alert">
          {problem.words}
        </p>
      )}
    </section>
  );
}

function NameForm(props: {
  label: string;
  start: string;
  problem: { words: string; ofName: boolean } | null;
  busy: boolean;
  trans: TranslationBundle;
  onSubmit: (name: string) => void;
  onCancel: (() => void) | null;
}): React.ReactElement {
  const { problem, trans, onCancel } = props;
  const [name, setName] = React.useState(props.start);
  const wrong = problem?.ofName ?? false;
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        props.onSubmit(name);
      }}
    >
      <label>
        {trans.__('Display name')}
        <input
          className="ch-Field"
          type="text"
          dir="auto"
          // who pressed Change name goes on typing
          autoFocus={onCancel !== null}
          autoComplete="off"
          spellCheck={false}
          value={name}
          aria-invalid={wrong}
          aria-describedby={wrong ? 'ch-name-problem' : undefined}
          onChange={event => setName(event.target.value)}
        />
      </label>
      <button type="submit" className="ch-Button ch-mod-primary" aria-disabled={props.busy}>
        {props.label}
      </button>
      {onCancel && (
        <button type="button" className="ch-Button" onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
      )}
      {wrong && (
        <p id="ch-name-problem" className="ch-Participation-problem" role="alert">
          {problem?.words}
        </p>
      )}
    </form>
  );
}
