import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { IMissing } from './types';

/** Tells it before anything is sent; whether the learner submits all the same. Enter and Escape do not. */
export async function confirmMissing(
  { packages, files }: IMissing,
  trans: TranslationBundle,
  showSandbox: () => void
): Promise<boolean> {
  const see = Dialog.createButton({ label: trans.__('See What It Has'), accept: false });
  const { button } = await showDialog({
    title: trans.__('Not in the sandbox'),
    body: (
      <div className="ch-Missing">
        {packages.length > 0 && (
          <>
            <p>
              {trans._n(
                '%2 is not in this challenge’s sandbox. Your code will fail there.',
                '%2 are not in this challenge’s sandbox. Your code will fail there.',
                packages.length,
                listed(packages, trans)
              )}
            </p>
            <p>
              {trans.__(
                'What %pip installs is for your own session: a submission does not get it.'
              )}
            </p>
          </>
        )}
        {files.length > 0 && (
          <p>
            {trans._n(
              '%2 is a file of yours. A submission takes the notebook alone: copy into it what you need from there.',
              '%2 are files of yours. A submission takes the notebook alone: copy into it what you need from there.',
              files.length,
              listed(files, trans)
            )}
          </p>
        )}
      </div>
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      see,
      Dialog.okButton({ label: trans.__('Submit Anyway') })
    ],
    defaultButton: 0
  });
  if (button.label === see.label) {
    showSandbox();
  }
  return button.accept;
}

/** "a", "a and b", "a, b and c". */
function listed(names: string[], trans: TranslationBundle): string {
  const last = names[names.length - 1];
  return names.length < 2 ? last : trans.__('%1 and %2', names.slice(0, -1).join(', '), last);
}
