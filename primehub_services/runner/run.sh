#!/bin/sh
# Runs a job's command, /opt/primehub/command, in a folder with artifacts/ in it, and ends with its exit code.
# Plain sh, since it runs in anybody's image; bash where it is there, which gives the command a process group of its own.
# Who is asked to end passes that on: the whole command hears it, and is waited for.

if [ -z "${BASH_VERSION:-}" ] && command -v bash >/dev/null 2>&1; then
  exec bash "$0"
fi
cd "$HOME" || exit 126
mkdir -p artifacts
: "${PRIMEHUB_ARTIFACTS:=$PWD/artifacts}"
export PRIMEHUB_ARTIFACTS

asked=
command=
if [ -n "${BASH_VERSION:-}" ]; then
  shell=bash
  set -m
  tell() { kill -TERM "-$command" 2>/dev/null; }
else
  shell=sh
  # this one's own process group: it began in one of its own
  tell() { trap "" TERM; kill -TERM 0; }
fi
trap 'asked=1; [ -z "$command" ] || tell' TERM
# the script's own shell waits for what it runs, and goes no further once it was asked to end
"$shell" -c 'trap "exit 143" TERM; . "$0"' "${0%/*}/command" </dev/null &
command=$!
# whoever asked before there was anybody to tell
[ -z "$asked" ] || tell
wait "$command" 2>/dev/null
code=$?
while kill -0 "$command" 2>/dev/null; do
  wait "$command" 2>/dev/null
  code=$?
done
exit "$code"
