import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { statusIcons } from './icons';
import { IGrading } from './types';
import { points, verdictTitle, when } from './words';

/** Every verdict of an attempt that was graded again, and which of them counts; nothing where there is but one. */
export function Gradings({
  gradings,
  trans
}: {
  gradings: IGrading[];
  trans: TranslationBundle;
}): React.ReactElement | null {
  if (gradings.length < 2) {
    return null;
  }
  const counts = gradings[gradings.length - 1];
  return (
    <section className="ch-Gradings" aria-label={trans.__('Verdicts')}>
      <h4>{trans.__('Graded %1 times: the last verdict counts', gradings.length)}</h4>
      <ol>
        {gradings.map(one => {
          const Icon = statusIcons[one.status];
          return (
            <li key={one.number} data-status={one.status} aria-current={one === counts}>
              <Icon.react tag="span" className="ch-Row-icon" aria-hidden />
              <div>
                <p>
                  <strong>{verdictTitle(one.status, trans)}</strong>
                  {' · '}
                  {trans.__('%1 of %2 points', points(one.score), points(one.max_score))}
                  {one === counts && <span className="ch-Counts">{trans.__('counts')}</span>}
                </p>
                <p className="ch-Quiet">
                  {trans.__('%1, against version %2', when(one.graded_at), one.version)}
                </p>
                {one.why && <p>{trans.__('Graded again because: %1', one.why)}</p>}
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
