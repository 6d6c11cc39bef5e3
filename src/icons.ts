import { LabIcon } from '@jupyterlab/ui-components';

import { Status } from './types';

/** One 16-unit drawing; `jp-icon3` lets JupyterLab's theme choose the grey, `ch-icon` takes the text's colour. */
function icon(name: string, paths: string, className = 'ch-icon'): LabIcon {
  return new LabIcon({
    name: `challengehub:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><g class="${className}" fill="currentColor">${paths}</g></svg>`
  });
}

const RING = 'M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2z';

export const challengesIcon = icon(
  'challenges',
  '<path d="M3 1.5h1.4v13H3zM5.4 2.3h8.1l-2.2 3.2 2.2 3.2H5.4z"/>',
  'jp-icon3 jp-icon-selectable'
);
export const feedbackIcon = icon(
  'feedback',
  '<path d="M3 2h10a1 1 0 0 1 1 1v7.5a1 1 0 0 1-1 1H8.6L5 14.6v-3.1H3a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1zm4.3 7.6 4.4-4.4-1-1-3.4 3.4-1.9-1.9-1 1z" fill-rule="evenodd"/>',
  'jp-icon3 jp-icon-selectable'
);
export const leaderboardIcon = icon(
  'leaderboard',
  '<path d="M6 2h4v12H6zM1.3 6.5h3.5V14H1.3zM11.2 9h3.5v5h-3.5z"/>',
  'jp-icon3 jp-icon-selectable'
);
export const sandboxIcon = icon(
  'sandbox',
  '<path d="M8 1 14.5 4v8L8 15 1.5 12V4zm0 1.5L4.3 4.2 8 5.9l3.7-1.7zM2.9 5.2v5.9l4.4 2V7.2zm10.2 0L8.7 7.2v5.9l4.4-2z" fill-rule="evenodd"/>',
  'jp-icon3 jp-icon-selectable'
);
export const submitIcon = icon('submit', '<path d="M1.8 14 15 8 1.8 2v4.7L10.5 8 1.8 9.3z"/>');
export const hintIcon = icon(
  'hint',
  '<path d="M8 1a4.8 4.8 0 0 0-2.6 8.8c.4.3.6.7.6 1.2h4c0-.5.2-.9.6-1.2A4.8 4.8 0 0 0 8 1zM6 12h4v1H6zm.7 1.8h2.6v.9H6.7z"/>'
);
export const keptIcon = icon(
  'kept',
  '<path d="M2 2h12v4h-1v8H3V6H2zm1.3 1.3v1.4h9.4V3.3zM4.3 6v6.7h7.4V6zM6 7.5h4v1.3H6z"/>'
);
export const waitingIcon = icon(
  'waiting',
  '<path d="M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2zm0 1.4a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6z"/>'
);
export const startedIcon = icon(
  'started',
  '<path d="M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2zm0 1.4v10.8A5.4 5.4 0 0 1 8 2.6z"/>'
);
export const problemIcon = icon(
  'problem',
  '<path d="M8 1.3 15.3 14H.7zM7.3 6v4h1.4V6zm0 5.2v1.4h1.4v-1.4z" fill-rule="evenodd"/>'
);

const passedIcon = icon(
  'passed',
  `<path d="${RING}M7 11.3 3.9 8.2l1-1L7 9.3l4.2-4.2 1 1z" fill-rule="evenodd"/>`
);
const failedIcon = icon(
  'failed',
  `<path d="${RING}M10.4 4.6 8 7 5.6 4.6l-1 1L7 8l-2.4 2.4 1 1L8 9l2.4 2.4 1-1L9 8l2.4-2.4z" fill-rule="evenodd"/>`
);
const limitIcon = icon(
  'limit',
  `<path d="${RING}M7.3 4v4.5l3.2 2 .7-1.2-2.5-1.5V4z" fill-rule="evenodd"/>`
);
const stoppedIcon = icon(
  'stopped',
  `<path d="${RING}M7.3 4v5h1.4V4zm0 6.2v1.5h1.4v-1.5z" fill-rule="evenodd"/>`
);
const skippedIcon = icon('skipped', `<path d="${RING}M4.5 7.3v1.4h7V7.3z" fill-rule="evenodd"/>`);

export const statusIcons: Record<Status, LabIcon> = {
  passed: passedIcon,
  failed: failedIcon,
  error: failedIcon,
  timeout: limitIcon,
  memory_exceeded: limitIcon,
  output_exceeded: limitIcon,
  crashed: stoppedIcon,
  not_run: skippedIcon,
  internal_error: stoppedIcon
};
