"""Earlier results read back: recorded answers, people's scores, runs, leaderboards."""
