/** What the grader sends, in its own words (see grader/openapi.yaml). */

export type Status =
  | 'passed'
  | 'failed'
  | 'error'
  | 'timeout'
  | 'memory_exceeded'
  | 'output_exceeded'
  | 'crashed'
  | 'not_run'
  | 'internal_error';

export type ChallengeState = 'new' | 'started' | 'passed';

export interface IChallenge {
  slug: string;
  title: string;
  summary: string;
  difficulty: number;
  tags: string[];
  track: string;
  prerequisites: string[];
  version: number;
  max_score: number;
  state: ChallengeState;
  best_score: number | null;
  attempts: number;
}

/** A check as it is known before it ran. */
export interface ICheckInfo {
  id: string;
  title: string;
  points: number;
  hidden: boolean;
}

export interface ICheckResult {
  id: string;
  title: string;
  status: Status;
  points: number;
  max_points: number;
  hidden: boolean;
  message: string;
  stdout: string;
  duration_ms: number;
  hint: string;
}

export interface ICellError {
  name: string;
  message: string;
  traceback: string;
  line: number | null;
}

export interface ICellResult {
  id: string;
  status: Status;
  stdout: string;
  error: ICellError | null;
  duration_ms: number;
}

export interface ISubmission {
  id: string;
  challenge: string;
  version: number;
  state: 'queued' | 'running' | 'finished';
  status: Status | null;
  score: number | null;
  max_score: number;
  submitted_at: string;
  finished_at: string | null;
  message: string;
  checks: ICheckResult[];
  cells: ICellResult[];
  timings: { queue_ms: number; sandbox_ms: number; run_ms: number; total_ms: number } | null;
  peak_memory_bytes: number | null;
  position: number | null;
  /** Empty unless it was graded again; then every verdict, oldest first, of which the last counts. */
  gradings: IGrading[];
}

export interface IGrading {
  number: number;
  version: number;
  status: Status;
  score: number;
  max_score: number;
  graded_at: string;
  why: string | null;
}

/** What learners' code finds in a sandbox. */
export interface IInventory {
  language: string;
  version: string;
  /** `modules`: the names by which a program imports it. */
  packages: { name: string; version: string; modules: string[] }[];
  /** Every name that can be imported, the language's own included. */
  modules: string[];
}

/** What a notebook imports and the sandbox has not: packages, and the learner's own files. */
export interface IMissing {
  packages: string[];
  files: string[];
}

/** What becomes of a submission, as the grader tells it while it happens. */
export type SubmissionEvent =
  | { event: 'state'; data: { state: ISubmission['state']; position: number | null } }
  | { event: 'start'; data: { id: string } }
  | { event: 'cell'; data: ICellResult }
  | { event: 'check'; data: ICheckResult }
  | { event: 'result'; data: ISubmission };

/** A submission that waits in the learner's home, or that the grader refused when it was sent from there. */
export interface IKept {
  key: string;
  challenge: string;
  path: string;
  kept_at: string;
  state: 'waiting' | 'refused';
  error: { code: string; message: string; details: Record<string, unknown> } | null;
}

/** A submission as lists of them have it. */
export type IAttempt = Pick<
  ISubmission,
  'id' | 'version' | 'state' | 'status' | 'score' | 'max_score' | 'submitted_at'
>;

export interface IHints {
  total: number;
  taken: { number: number; text: string; taken_at: string; attempts: number }[];
  /** Enough attempts have failed since the last one. */
  offered: boolean;
  offer_after: number;
  /** The author's solution may be shown: the learner has passed, and the author does not keep it back. */
  solution: boolean;
}

/** How others see the learner on leaderboards. */
export interface ITakingPart {
  display_name: string;
  since: string;
}

export interface ILeaderboardRow {
  /** Counts on where equal points share a rank; where it leaps, rows are left out. */
  place: number;
  rank: number;
  display_name: string;
  points: number;
  passed: number;
  own: boolean;
}

export interface ILeaderboard {
  taking_part: ITakingPart | null;
  tracks: string[];
  classes: string[];
  track: string | null;
  class: string | null;
  challenges: number;
  learners: number;
  rows: ILeaderboardRow[];
}

/** A code cell's text, by its name in the challenge. */
export interface ICellText {
  id: string;
  source: string;
  /** Added by the learner: its id is a number that says nothing to anybody. */
  own?: boolean;
}

export type KeptEvent =
  | { event: 'kept'; data: IKept }
  | { event: 'refused'; data: IKept }
  | { event: 'sent'; data: { key: string; challenge: string; id: string } };

/** How the learner's session stands over all pages; `remaining_s` is null where it never ends. */
export interface ISessionStanding {
  state: 'active' | 'warning' | 'over';
  remaining_s: number | null;
  report_s: number;
}
