import { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import React from 'react';

import { Feedback } from './feedback';
import { submitIcon } from './icons';

/** What makes a notebook a challenge notebook. */
export interface IChallengeOf {
  slug: string;
  title: string;
  /** The version that this notebook was released with. */
  version: number | null;
}

export function challengeOf(model: INotebookModel | null | undefined): IChallengeOf | null {
  const about = model?.getMetadata('challenge') as Partial<IChallengeOf> | undefined;
  if (!about || typeof about.slug !== 'string' || !about.slug) {
    return null;
  }
  return {
    slug: about.slug,
    title: typeof about.title === 'string' ? about.title : about.slug,
    version: typeof about.version === 'number' ? about.version : null
  };
}

/** Calls `changed` once the notebook is there, and whenever it may have become another challenge's, or none's. */
export function onChallenge(panel: NotebookPanel, changed: () => void): void {
  const { context } = panel;
  void context.ready.then(() => {
    if (!panel.isDisposed) {
      changed();
      context.model.metadataChanged.connect(changed);
    }
  });
}

/** The toolbar's Submit; it shows itself in challenge notebooks, and in no other. */
export class SubmitButton extends ReactWidget {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly feedbackFor: (slug: string) => Feedback,
    private readonly submit: (panel: NotebookPanel) => void,
    private readonly trans: TranslationBundle,
    private readonly shortcut: () => string
  ) {
    super();
    this.addClass('ch-Submit');
    this.hide();
    onChallenge(panel, () => this.follow());
  }

  private follow(): void {
    const slug = challengeOf(this.panel.model)?.slug ?? '';
    if (slug === this._slug || this.isDisposed) {
      return;
    }
    this._slug = slug;
    this.setHidden(!slug);
    this.update();
    // the toolbar looks for what has no room in it only when its own size changes
    const { clientWidth, clientHeight } = this.panel.toolbar.node;
    MessageLoop.postMessage(
      this.panel.toolbar,
      new Widget.ResizeMessage(clientWidth, clientHeight)
    );
  }

  protected override render(): React.ReactElement | null {
    if (!this._slug) {
      return null;
    }
    const feedback = this.feedbackFor(this._slug);
    return (
      <UseSignal key={this._slug} signal={feedback.changed}>
        {() => {
          const busy = feedback.submitting;
          const keys = this.shortcut();
          const what = this.trans.__('Save and submit this challenge');
          return (
            <button
              type="button"
              className="ch-Button ch-mod-primary"
              title={keys ? `${what} (${keys})` : what}
              aria-disabled={busy}
              onClick={() => !busy && this.submit(this.panel)}
            >
              {busy ? (
                <span className="ch-Spinner" aria-hidden />
              ) : (
                <submitIcon.react tag="span" aria-hidden />
              )}
              {busy ? this.trans.__('Grading…') : this.trans.__('Submit')}
            </button>
          );
        }}
      </UseSignal>
    );
  }

  private _slug = '';
}
