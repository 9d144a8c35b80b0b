#!/bin/sh
# What each CI service runs. Answers are kept in .imagejudge/store, reports in imagejudge-report/.
set -eu
python -m venv .venv-judge
.venv-judge/bin/python -m pip install --quiet "pytest-imagejudge[signals]" # and your own package: -e .
.venv-judge/bin/python -m pytest --judge-required \
  --judge-report imagejudge-report/report.html --judge-report imagejudge-report/report.json \
  --junit-xml imagejudge-report/junit.xml
