import React from 'react';

import { IPart } from './feedbackrows';
import { ISubmission } from './types';
import { duration, megabytes, when } from './words';

/** When, how long, how much; and where the time went. */
export function Figures({
  submission,
  trans
}: IPart & { submission: ISubmission }): React.ReactElement {
  const { timings, peak_memory_bytes } = submission;
  const figures: [string, string][] = [[trans.__('Submitted'), when(submission.submitted_at)]];
  if (timings) {
    figures.push([trans.__('Total time'), duration(timings.total_ms, trans)]);
    figures.push([trans.__('Running'), duration(timings.run_ms, trans)]);
  }
  if (peak_memory_bytes) {
    figures.push([trans.__('Memory'), megabytes(peak_memory_bytes, trans)]);
  }
  return (
    <>
      <dl className="ch-Figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Times submission={submission} trans={trans} />
    </>
  );
}

/** The way from the click to the verdict in its parts, as a bar and in figures. */
function Times({
  submission,
  trans
}: IPart & { submission: ISubmission }): React.ReactElement | null {
  const { timings, cells, checks } = submission;
  if (!timings || timings.total_ms <= 0) {
    return null;
  }
  const sum = (list: { duration_ms: number }[]): number =>
    list.reduce((total, { duration_ms }) => total + duration_ms, 0);
  // times with hidden checks in them are told coarsely, so that no part may be more than what is left of the whole
  const code = Math.min(sum(cells), timings.run_ms);
  const parts = [
    { id: 'queue', name: trans.__('Queue'), ms: timings.queue_ms },
    { id: 'start', name: trans.__('Start'), ms: timings.sandbox_ms },
    { id: 'code', name: trans.__('Your code'), ms: code },
    { id: 'checks', name: trans.__('Checks'), ms: Math.min(sum(checks), timings.run_ms - code) }
  ];
  const rest = timings.total_ms - parts.reduce((total, { ms }) => total + ms, 0);
  parts.push({ id: 'rest', name: trans.__('Rest'), ms: Math.max(0, rest) });
  const whole = parts.reduce((total, { ms }) => total + ms, 0);
  return (
    <section className="ch-Section ch-Times" aria-labelledby="ch-times">
      <h3 id="ch-times">{trans.__('Where the time went')}</h3>
      <div className="ch-Times-bar" aria-hidden>
        {parts.map(({ id, ms }) => (
          <span key={id} data-part={id} style={{ flexGrow: whole > 0 ? ms / whole : 0 }} />
        ))}
      </div>
      <dl>
        {parts.map(({ id, name, ms }) => (
          <div key={id}>
            <dt>
              <i data-part={id} aria-hidden />
              {name}
            </dt>
            <dd>{duration(ms, trans)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
