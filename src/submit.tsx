import { DocumentRegistry } from '@jupyterlab/docregistry';
import { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { DisposableDelegate, IDisposable } from '@lumino/disposable';
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

/** Puts Submit first into the toolbar of each challenge notebook, and of no other. */
export class SubmitExtension implements DocumentRegistry.IWidgetExtension<
  NotebookPanel,
  INotebookModel
> {
  constructor(
    private readonly feedbackFor: (slug: string) => Feedback,
    private readonly submit: (panel: NotebookPanel) => void,
    private readonly trans: TranslationBundle,
    private readonly shortcut: () => string
  ) {}

  createNew(panel: NotebookPanel, context: DocumentRegistry.IContext<INotebookModel>): IDisposable {
    let button: SubmitButton | null = null;
    let slug = '';
    const sync = (): void => {
      const now = challengeOf(context.model)?.slug ?? '';
      if (now === slug || panel.isDisposed) {
        return;
      }
      slug = now;
      button?.dispose();
      button = null;
      panel.toggleClass('ch-mod-challenge', slug !== '');
      if (slug) {
        button = new SubmitButton(
          this.feedbackFor(slug),
          () => this.submit(panel),
          this.trans,
          this.shortcut
        );
        // first, so that a narrow window never moves it into the overflow menu
        panel.toolbar.insertItem(0, 'challengehub-submit', button);
      }
    };
    void context.ready.then(() => {
      sync();
      context.model?.metadataChanged.connect(sync);
    });
    return new DisposableDelegate(() => {
      context.model?.metadataChanged.disconnect(sync);
      button?.dispose();
    });
  }
}

class SubmitButton extends ReactWidget {
  constructor(
    private readonly feedback: Feedback,
    private readonly submit: () => void,
    private readonly trans: TranslationBundle,
    private readonly shortcut: () => string
  ) {
    super();
    this.addClass('ch-Submit');
  }

  protected override render(): React.ReactElement {
    return (
      <UseSignal signal={this.feedback.changed}>
        {() => {
          const busy = this.feedback.submitting;
          const keys = this.shortcut();
          const what = this.trans.__('Save and submit this challenge');
          return (
            <button
              type="button"
              className="ch-Button ch-mod-primary"
              title={keys ? `${what} (${keys})` : what}
              aria-disabled={busy}
              onClick={() => !busy && this.submit()}
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
}
