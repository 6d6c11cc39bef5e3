import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { problemIcon } from './icons';

interface IProps {
  title: string;
  words: string;
  /** What still holds, where something does. */
  also?: string;
  trans: TranslationBundle;
  onRetry: () => void;
  /** Who pressed Retry goes on from here by keyboard, once the box has gone and the button with it. */
  onGone: () => void;
}

/** What could not be loaded and why, and the way to try again. */
export function ProblemBox(props: IProps): React.ReactElement {
  const box = React.useRef<HTMLElement>(null);
  React.useLayoutEffect(() => {
    const node = box.current;
    return () => {
      if (node?.contains(document.activeElement)) {
        requestAnimationFrame(() => document.activeElement === document.body && props.onGone());
      }
    };
  }, []);
  return (
    <section ref={box} className="ch-Problem" role="alert">
      <problemIcon.react tag="span" className="ch-Problem-icon" aria-hidden />
      <div>
        <h3>{props.title}</h3>
        <p>{props.words}</p>
        {props.also && <p>{props.also}</p>}
        <button type="button" className="ch-Button" onClick={props.onRetry}>
          {props.trans.__('Retry')}
        </button>
      </div>
    </section>
  );
}
