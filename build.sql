-- The grader's schema: run against its database (MySQL 8.0 or newer), on nothing or on itself, as often as you like:
--
--     mysql grader < build.sql
--
-- The grader runs it at every start, and what the database of an earlier release lacks is added. Times are UTC with
-- microseconds. Text that people or programs wrote is data here: nothing in these tables is ever executed or shown as HTML.

CREATE TABLE IF NOT EXISTS challenges (
  id                    INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key',
  slug                  VARCHAR(100) NOT NULL
                        COMMENT 'The name in addresses and file names; never changes',
  published_version_id  INT UNSIGNED NULL
                        COMMENT 'The version that learners get now (challenge_versions.id); NULL: withdrawn. Not a foreign key, since the two tables would need each other',
  created_at            DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When the slug was first published',
  PRIMARY KEY (id),
  UNIQUE KEY challenges_slug (slug)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='One row per challenge: its name and which version is the published one';

CREATE TABLE IF NOT EXISTS challenge_versions (
  id                INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key',
  challenge_id      INT UNSIGNED NOT NULL COMMENT 'The challenge that this is a version of',
  number            INT UNSIGNED NOT NULL COMMENT 'Counts up from 1 within the challenge; what learners and notebooks name',
  content_hash      CHAR(64) NOT NULL COMMENT 'SHA-256 of source_notebook, in hex',
  source_notebook   LONGTEXT NOT NULL COMMENT 'The author''s notebook, solutions and hidden checks included; never sent to a learner',
  release_notebook  LONGTEXT NOT NULL COMMENT 'What a learner receives: solutions replaced by stubs, hidden checks removed',
  overview          JSON NOT NULL COMMENT 'What lists show: title, summary, difficulty, tags, track, prerequisites, max_score, checks, limits',
  created_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When this version was made',
  created_by        VARCHAR(255) NOT NULL COMMENT 'Who published it',
  why               VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'The reason its author gave',
  PRIMARY KEY (id),
  UNIQUE KEY versions_number (challenge_id, number),
  UNIQUE KEY versions_content (challenge_id, content_hash),
  CONSTRAINT versions_challenge FOREIGN KEY (challenge_id) REFERENCES challenges (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Published states of challenges. Rows are never changed or deleted, so an old verdict can always be explained';

CREATE TABLE IF NOT EXISTS submissions (
  id                 BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key; grows in the order of acceptance',
  uuid               CHAR(36) NOT NULL COMMENT 'The id that the API shows; cannot be guessed',
  username           VARCHAR(255) NOT NULL COMMENT 'Who submitted: the name that the Hub gave',
  challenge_id       INT UNSIGNED NOT NULL COMMENT 'The challenge; repeated from the version so that a learner''s attempts are one index range',
  version_id         INT UNSIGNED NOT NULL COMMENT 'The version that it was written for and is graded against',
  idempotency_key    VARCHAR(64) NOT NULL COMMENT 'The client''s name for this one click on Submit; unique per learner',
  content_hash       CHAR(64) NOT NULL COMMENT 'SHA-256 of challenge, version and notebook, in hex: tells a repeated request from a different one',
  notebook           LONGBLOB NOT NULL COMMENT 'The learner''s notebook as it came: zlib-compressed UTF-8 JSON',
  state              ENUM('queued', 'running', 'finished') NOT NULL DEFAULT 'queued' COMMENT 'Where it stands',
  turn               BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Place in the queue, before id: a learner''s n-th waiting submission takes the n-th turn, so a flood delays only its sender',
  claim              CHAR(32) NULL COMMENT 'Random name of the latest claim; only its holder can record a result',
  claimed_by         VARCHAR(255) NULL COMMENT 'The grader that holds or held the claim, for people to read',
  claimed_at         DATETIME(6) NULL COMMENT 'When it was claimed',
  lease_until        DATETIME(6) NULL COMMENT 'While running: unless its grader renews before then, it returns to the queue',
  attempts           SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often grading was begun and not handed back in good order',
  status             VARCHAR(32) NULL COMMENT 'The verdict (models.Status) once finished',
  score              DOUBLE NULL COMMENT 'Points earned',
  max_score          DOUBLE NOT NULL COMMENT 'Points that the version offers',
  message            TEXT NULL COMMENT 'In plain words why a run ended early, else empty',
  queue_ms           DOUBLE NULL COMMENT 'Milliseconds from acceptance to the start of grading',
  sandbox_ms         DOUBLE NULL COMMENT 'Milliseconds until a sandbox was in hand',
  run_ms             DOUBLE NULL COMMENT 'Milliseconds that the notebook ran',
  total_ms           DOUBLE NULL COMMENT 'Milliseconds from acceptance to the verdict',
  peak_memory_bytes  BIGINT UNSIGNED NULL COMMENT 'Highest memory use seen in the sandbox, where it could be measured',
  submitted_at       DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When it was accepted',
  started_at         DATETIME(6) NULL COMMENT 'When the grading that gave the verdict began',
  finished_at        DATETIME(6) NULL COMMENT 'When the verdict was recorded',
  PRIMARY KEY (id),
  UNIQUE KEY submissions_uuid (uuid),
  UNIQUE KEY submissions_idempotency (username, idempotency_key),
  KEY submissions_queue (state, turn, id),
  KEY submissions_lease (state, lease_until),
  KEY submissions_waiting (username, state, turn),
  KEY submissions_own (username, id),
  KEY submissions_attempts (username, challenge_id, id),
  KEY submissions_progress (username, challenge_id, status, score),
  CONSTRAINT submissions_version FOREIGN KEY (version_id) REFERENCES challenge_versions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='The queue and the record: one row per click on Submit, from acceptance to verdict';

CREATE TABLE IF NOT EXISTS check_results (
  submission_id  BIGINT UNSIGNED NOT NULL COMMENT 'The submission',
  position       SMALLINT UNSIGNED NOT NULL COMMENT 'Order in the notebook, from 0',
  check_id       VARCHAR(255) NOT NULL COMMENT 'The check''s nbgrader grade_id',
  title          VARCHAR(500) NOT NULL DEFAULT '' COMMENT 'What the author calls the check',
  status         VARCHAR(32) NOT NULL COMMENT 'How the check ended (models.Status)',
  points         DOUBLE NOT NULL COMMENT 'Points earned',
  max_points     DOUBLE NOT NULL COMMENT 'Points offered',
  hidden         BOOLEAN NOT NULL COMMENT 'Whether learners cannot see the check''s code',
  message        MEDIUMTEXT NOT NULL COMMENT 'What the learner is told; plain text',
  stdout         MEDIUMTEXT NOT NULL COMMENT 'What was printed during the check; plain text',
  duration_ms    DOUBLE NOT NULL COMMENT 'Run time in milliseconds',
  hint           TEXT NOT NULL COMMENT 'The author''s hint, shown when the check did not pass',
  PRIMARY KEY (submission_id, position),
  CONSTRAINT check_results_submission FOREIGN KEY (submission_id) REFERENCES submissions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='How each check of a finished submission ended, as the learner may see it; written with the verdict';

CREATE TABLE IF NOT EXISTS cell_results (
  submission_id  BIGINT UNSIGNED NOT NULL COMMENT 'The submission',
  position       SMALLINT UNSIGNED NOT NULL COMMENT 'Order in the notebook, from 0',
  cell_id        VARCHAR(255) NOT NULL COMMENT 'The cell''s grade_id, or cell-<index>',
  status         VARCHAR(32) NOT NULL COMMENT 'How the cell ended (models.Status)',
  stdout         MEDIUMTEXT NOT NULL COMMENT 'What the cell printed; plain text',
  error          JSON NULL COMMENT 'NULL, or the exception: name, message, traceback, line',
  duration_ms    DOUBLE NOT NULL COMMENT 'Run time in milliseconds',
  PRIMARY KEY (submission_id, position),
  CONSTRAINT cell_results_submission FOREIGN KEY (submission_id) REFERENCES submissions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='How each cell of the learner''s notebook ended; written with the verdict';

CREATE TABLE IF NOT EXISTS publications (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key; grows in the order of events',
  challenge_id  INT UNSIGNED NOT NULL COMMENT 'The challenge',
  version_id    INT UNSIGNED NOT NULL COMMENT 'The version that became the published one, or with retire the one that was until then',
  what          ENUM('publish', 'rollback', 'retire', 'restore') NOT NULL COMMENT 'What was done',
  who           VARCHAR(255) NOT NULL COMMENT 'The person or part of the system that did it',
  reviewer      VARCHAR(255) NULL COMMENT 'Who approved it before; NULL: nobody had to',
  why           VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'The reason given',
  at            DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When',
  PRIMARY KEY (id),
  KEY publications_challenge (challenge_id, id),
  CONSTRAINT publications_version FOREIGN KEY (version_id) REFERENCES challenge_versions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Which version learners got from when on; only ever added to';

CREATE TABLE IF NOT EXISTS drafts (
  id               INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'The number that people see',
  slug             VARCHAR(100) NOT NULL COMMENT 'The challenge that it is to become; it need not be there yet',
  base             INT UNSIGNED NULL COMMENT 'Number of the version that it was made from; NULL: a new challenge',
  state            ENUM('draft', 'in_review', 'published', 'withdrawn') NOT NULL DEFAULT 'draft' COMMENT 'Where it stands',
  revision         INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'Counts its author''s changes, so that what is approved is what was read',
  content_hash     CHAR(64) NOT NULL COMMENT 'SHA-256 of source_notebook, in hex',
  source_notebook  LONGTEXT NOT NULL COMMENT 'The author''s notebook as it stands',
  title            VARCHAR(500) NOT NULL COMMENT 'The challenge''s title, for lists',
  author           VARCHAR(255) NOT NULL COMMENT 'Who made it, and may not review it',
  why              VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'The reason for the change, which becomes the version''s',
  version_id       INT UNSIGNED NULL COMMENT 'The version that it became, once published',
  created_at       DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When it was made',
  updated_at       DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When anything about it changed last',
  PRIMARY KEY (id),
  KEY drafts_state (state, updated_at),
  KEY drafts_slug (slug)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Changes to challenges on their way to being published';

CREATE TABLE IF NOT EXISTS draft_notes (
  id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key; grows in the order of events',
  draft_id  INT UNSIGNED NOT NULL COMMENT 'The draft',
  revision  INT UNSIGNED NOT NULL COMMENT 'The draft''s revision that it is about',
  what      ENUM('create', 'revise', 'submit', 'comment', 'approve', 'reject', 'withdraw') NOT NULL COMMENT 'What was done',
  who       VARCHAR(255) NOT NULL COMMENT 'Who did it',
  text      TEXT NOT NULL COMMENT 'What they said about it; plain text',
  at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When',
  PRIMARY KEY (id),
  KEY draft_notes_draft (draft_id, id),
  CONSTRAINT draft_notes_draft FOREIGN KEY (draft_id) REFERENCES drafts (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='The course of a review: comments and decisions; only ever added to';

CREATE TABLE IF NOT EXISTS fitness_reports (
  content_hash  CHAR(64) NOT NULL COMMENT 'SHA-256 of the author''s notebook, in hex',
  fit           BOOLEAN NOT NULL COMMENT 'Whether it may be published',
  report        JSON NOT NULL COMMENT 'All that the check found',
  checked_by    VARCHAR(255) NOT NULL COMMENT 'Who had it checked last',
  checked_at    DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When',
  PRIMARY KEY (content_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='What the check of an author''s notebook found: the latest report on each content';

CREATE TABLE IF NOT EXISTS regradings (
  id            INT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'The number that people see',
  challenge_id  INT UNSIGNED NOT NULL COMMENT 'The challenge',
  version_id    INT UNSIGNED NOT NULL COMMENT 'The version that submissions are graded against once more',
  who           VARCHAR(255) NOT NULL COMMENT 'Who asked for it',
  why           VARCHAR(1000) NOT NULL DEFAULT '' COMMENT 'The reason, which learners are shown',
  state         ENUM('running', 'finished', 'cancelled') NOT NULL DEFAULT 'running' COMMENT 'Where it stands',
  created_at    DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When it was asked for',
  finished_at   DATETIME(6) NULL COMMENT 'When the last verdict was in, or it was cancelled',
  counts        JSON NULL COMMENT 'Once it is over: how many items there were and how they ended; NULL: to be counted',
  PRIMARY KEY (id),
  KEY regradings_challenge (challenge_id, id),
  CONSTRAINT regradings_version FOREIGN KEY (version_id) REFERENCES challenge_versions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Requests to grade the latest submissions of a challenge again';

CREATE TABLE IF NOT EXISTS regrading_items (
  regrading_id   INT UNSIGNED NOT NULL COMMENT 'The request',
  submission_id  BIGINT UNSIGNED NOT NULL COMMENT 'The submission',
  state          ENUM('queued', 'running', 'finished', 'failed', 'cancelled') NOT NULL DEFAULT 'queued' COMMENT 'failed: it does not fit the version, and keeps its verdict; cancelled: with its regrading',
  claim          CHAR(32) NULL COMMENT 'Random name of the latest claim; only its holder can record a verdict',
  claimed_by     VARCHAR(255) NULL COMMENT 'The grader that holds or held the claim',
  lease_until    DATETIME(6) NULL COMMENT 'While running: unless its grader renews before then, it is done again',
  attempts       SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often it was begun',
  before_status  VARCHAR(32) NULL COMMENT 'The verdict that stood until then',
  before_score   DOUBLE NULL COMMENT 'Its points',
  after_status   VARCHAR(32) NULL COMMENT 'The new verdict',
  after_score    DOUBLE NULL COMMENT 'Its points',
  message        TEXT NULL COMMENT 'With failed: why',
  PRIMARY KEY (regrading_id, submission_id),
  KEY regrading_items_queue (state, regrading_id, submission_id),
  CONSTRAINT regrading_items_regrading FOREIGN KEY (regrading_id) REFERENCES regradings (id),
  CONSTRAINT regrading_items_submission FOREIGN KEY (submission_id) REFERENCES submissions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='The queue of a regrading: one row a submission';

CREATE TABLE IF NOT EXISTS gradings (
  submission_id  BIGINT UNSIGNED NOT NULL COMMENT 'The submission',
  number         SMALLINT UNSIGNED NOT NULL COMMENT 'From 1, the verdict that its learner first got',
  version_id     INT UNSIGNED NOT NULL COMMENT 'The version that it was graded against',
  regrading_id   INT UNSIGNED NULL COMMENT 'The request that led to it; NULL for the first',
  status         VARCHAR(32) NOT NULL COMMENT 'The verdict (models.Status)',
  score          DOUBLE NOT NULL COMMENT 'Points earned',
  max_score      DOUBLE NOT NULL COMMENT 'Points that the version offers',
  message        TEXT NOT NULL COMMENT 'In plain words why a run ended early, else empty',
  checks         JSON NOT NULL COMMENT 'How each check ended, as in check_results',
  cells          JSON NOT NULL COMMENT 'How each cell ended, as in cell_results',
  graded_at      DATETIME(6) NOT NULL COMMENT 'When the verdict was recorded',
  PRIMARY KEY (submission_id, number),
  CONSTRAINT gradings_submission FOREIGN KEY (submission_id) REFERENCES submissions (id),
  CONSTRAINT gradings_version FOREIGN KEY (version_id) REFERENCES challenge_versions (id),
  CONSTRAINT gradings_regrading FOREIGN KEY (regrading_id) REFERENCES regradings (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Every verdict of a submission that was graded more than once; the newest is also in submissions, check_results and cell_results';

CREATE TABLE IF NOT EXISTS hints_taken (
  username      VARCHAR(255) NOT NULL COMMENT 'Who took it: the name that the Hub gave',
  challenge_id  INT UNSIGNED NOT NULL COMMENT 'The challenge',
  number        SMALLINT UNSIGNED NOT NULL COMMENT 'Which of its hints, from 1 in the author''s order',
  attempts      INT UNSIGNED NOT NULL COMMENT 'How many submissions the learner had made to the challenge by then',
  taken_at      DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When',
  PRIMARY KEY (username, challenge_id, number),
  CONSTRAINT hints_taken_challenge FOREIGN KEY (challenge_id) REFERENCES challenges (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Hints that learners asked for; what helped whom, and from which attempt on';

-- All that it says is in submissions: one of an earlier release, which says less, is made anew.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = DATABASE() AND table_name = 'best_scores' AND column_name IN ('username', 'latest_id')) = 1,
  'DROP TABLE best_scores', 'DO 0');
PREPARE change_of_schema FROM @change;
EXECUTE change_of_schema;
DEALLOCATE PREPARE change_of_schema;

CREATE TABLE IF NOT EXISTS best_scores (
  username       VARCHAR(255) NOT NULL COMMENT 'The learner: the name that the Hub gave',
  challenge_id   INT UNSIGNED NOT NULL COMMENT 'The challenge',
  score          DOUBLE NOT NULL COMMENT 'The most points of a graded submission, by the verdicts in force',
  passed         BOOLEAN NOT NULL COMMENT 'Whether a submission has passed',
  submission_id  BIGINT UNSIGNED NOT NULL COMMENT 'The first submission with these points; tells who had them first',
  latest_id      BIGINT UNSIGNED NOT NULL COMMENT 'The latest graded submission, which a regrading takes',
  attempts       INT UNSIGNED NOT NULL COMMENT 'How many submissions were graded, each counted once however often it was',
  PRIMARY KEY (username, challenge_id),
  KEY best_scores_challenge (challenge_id, username),
  CONSTRAINT best_scores_challenge FOREIGN KEY (challenge_id) REFERENCES challenges (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='What submissions says of each learner and challenge, in one row, so that leaderboards, progress and regradings read no history. Emptied, it is filled again at the next start';

-- The condition is looked at once and first: where there are rows the history is not read.
INSERT INTO best_scores (username, challenge_id, score, passed, submission_id, latest_id, attempts)
SELECT b.username, b.challenge_id, b.score, b.passed, MIN(s.id), b.latest_id, b.attempts
FROM (
    SELECT username, challenge_id, MAX(score) AS score, MAX(status = 'passed') AS passed, MAX(id) AS latest_id,
        COUNT(*) AS attempts
    FROM submissions
    WHERE score IS NOT NULL AND (SELECT COUNT(*) FROM (SELECT 1 FROM best_scores LIMIT 1) AS any_row) = 0
    GROUP BY username, challenge_id
  ) AS b
  JOIN submissions s ON s.username = b.username AND s.challenge_id = b.challenge_id AND s.score = b.score
GROUP BY b.username, b.challenge_id, b.score, b.passed, b.latest_id, b.attempts
ON DUPLICATE KEY UPDATE username = best_scores.username;

CREATE TABLE IF NOT EXISTS leaderboard_members (
  username      VARCHAR(255) NOT NULL COMMENT 'Who takes part: the name that the Hub gave; never shown to others',
  display_name  VARCHAR(40) NOT NULL COLLATE utf8mb4_0900_ai_ci
                COMMENT 'What others see; no two that differ only in case or accents',
  since         DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'From when on',
  PRIMARY KEY (username),
  UNIQUE KEY leaderboard_members_name (display_name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Learners who chose to stand on leaderboards; who leaves is deleted here, and nothing of it is kept';

CREATE TABLE IF NOT EXISTS leaderboard_classes (
  username  VARCHAR(255) NOT NULL COMMENT 'Somebody who takes part',
  class     VARCHAR(255) NOT NULL COMMENT 'A class they are in: a group of the Hub, as it said when they were here last',
  PRIMARY KEY (username, class),
  KEY leaderboard_classes_class (class, username),
  CONSTRAINT leaderboard_classes_member FOREIGN KEY (username) REFERENCES leaderboard_members (username) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='In which classes those who take part are; of others nothing is kept';

CREATE TABLE IF NOT EXISTS audit (
  id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'Surrogate key; grows in the order of events',
  at       DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)) COMMENT 'When',
  who      VARCHAR(255) NOT NULL COMMENT 'The person or part of the system that did it',
  what     VARCHAR(64) NOT NULL COMMENT 'What was done, for example publish or rollback',
  subject  VARCHAR(255) NOT NULL COMMENT 'What it was done to, for example a slug',
  details  JSON NULL COMMENT 'Whatever else is worth knowing later',
  PRIMARY KEY (id),
  KEY audit_subject (subject, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  COMMENT='Who changed what and when; only ever added to';

-- What an installation of an earlier release does not have yet: CREATE TABLE changes no table that is there, and MySQL
-- knows no ADD KEY IF NOT EXISTS.
SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.statistics
   WHERE table_schema = DATABASE() AND table_name = 'submissions' AND index_name = 'submissions_attempts') = 0,
  'ALTER TABLE submissions ADD KEY submissions_attempts (username, challenge_id, id)', 'DO 0');
PREPARE change_of_schema FROM @change;
EXECUTE change_of_schema;
DEALLOCATE PREPARE change_of_schema;

SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = DATABASE() AND table_name = 'regradings' AND column_name = 'counts') = 0,
  'ALTER TABLE regradings ADD counts JSON NULL COMMENT ''Once it is over: how many items there were and how they ended; NULL: to be counted''', 'DO 0');
PREPARE change_of_schema FROM @change;
EXECUTE change_of_schema;
DEALLOCATE PREPARE change_of_schema;

SET @change = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = DATABASE() AND table_name = 'regrading_items' AND column_name = 'state' AND column_type LIKE '%''cancelled''%') = 0,
  'ALTER TABLE regrading_items MODIFY state ENUM(''queued'', ''running'', ''finished'', ''failed'', ''cancelled'') NOT NULL DEFAULT ''queued'' COMMENT ''failed: it does not fit the version, and keeps its verdict; cancelled: with its regrading''', 'DO 0');
PREPARE change_of_schema FROM @change;
EXECUTE change_of_schema;
DEALLOCATE PREPARE change_of_schema;

-- Earlier releases left them in the queue.
UPDATE regrading_items i JOIN regradings r ON r.id = i.regrading_id
SET i.state = 'cancelled', i.claim = NULL, i.lease_until = NULL
WHERE r.state = 'cancelled' AND i.state IN ('queued', 'running');
