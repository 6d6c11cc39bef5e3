import React from 'react';

import { Feedback } from './feedback';
import { IPart, withCode } from './feedbackrows';
import { hintIcon } from './icons';

/** The hints taken so far, and the next one: there for the asking, and offered after some attempts. */
export function Hints({
  feedback,
  trans
}: IPart & { feedback: Feedback }): React.ReactElement | null {
  const { hints, submission } = feedback;
  if (!hints || hints.total === 0) {
    return null;
  }
  const passed = submission?.status === 'passed';
  const next = hints.taken.length + 1;
  if (passed && hints.taken.length === 0) {
    return null;
  }
  return (
    <section className="ch-Section ch-Hints" aria-labelledby="ch-hints">
      <h3 id="ch-hints">{trans.__('Hints')}</h3>
      <ol>
        {hints.taken.map(hint => (
          <li key={hint.number} className="ch-Hint">
            <hintIcon.react tag="span" className="ch-Row-icon" aria-hidden />
            <p>
              <strong>{trans.__('Hint %1 of %2', hint.number, hints.total)}</strong>{' '}
              {withCode(hint.text)}
            </p>
          </li>
        ))}
      </ol>
      {!passed && next <= hints.total && (
        <>
          {hints.offered && (
            <p>
              {trans._n(
                'Stuck? One attempt has not passed yet: a hint may help.',
                'Stuck? %1 attempts have not passed yet: a hint may help.',
                hints.offer_after
              )}
            </p>
          )}
          <button
            type="button"
            className={hints.offered ? 'ch-Button ch-mod-primary' : 'ch-Button'}
            onClick={() => void feedback.takeHint()}
          >
            {trans.__('Show hint %1 of %2', next, hints.total)}
          </button>
        </>
      )}
    </section>
  );
}
