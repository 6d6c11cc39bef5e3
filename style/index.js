import './base.css';
import './challenges.css';
import './feedback.css';
import './attempts.css';
import './leaderboard.css';
import './sandbox.css';
import './session.css';
