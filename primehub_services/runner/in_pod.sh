#!/bin/sh
# Runs a workload in a pod: in_pod.sh GRACE COMMAND... Plain sh, since it runs in anybody's image.
# Waits for the sidecar's permit, writes all output to a file that the sidecar follows, and the exit code in the end.

run=/opt/primehub-run
artifacts=/home/jovyan/artifacts
grace=$1
shift
trap 'exit 143' TERM
until [ -e "$run/permit" ]; do
  # without a permit nothing ever begins: another pod runs it, or it is not wanted any more
  [ ! -e "$run/refused" ] && [ ! -e "$run/stop" ] || exit 125
  sleep 0.1 2>/dev/null || sleep 1
done
# a container that is started anew in the same pod must not run it once more
(set -C && : >"$run/began") 2>/dev/null || exit 125

asked=
killed=
end() {
  [ -z "$asked" ] || return
  asked=1
  kill -TERM "$command" 2>/dev/null
  # it is over for whatever is here then, but for this shell
  (sleep "$grace" && : >"$run/killed" && kill -KILL -1) 2>/dev/null &
}
trap 'asked_early=1' TERM
"$@" </dev/null >>"$run/log" 2>&1 &
command=$!
trap end TERM
[ -z "${asked_early:-}" ] || end
# a sidecar that hears that all this is over says so
(until [ -e "$run/stop" ]; do sleep 2; done && kill -TERM $$) 2>/dev/null &
watcher=$!
wait "$command"
code=$?
while kill -0 "$command" 2>/dev/null; do
  wait "$command"
  code=$?
done
kill "$watcher" 2>/dev/null
# the sidecar is another user where the image says who this is: it reads what the folder's group may
[ -L "$artifacts" ] || chmod -R g+rX "$artifacts" 2>/dev/null
[ ! -e "$run/killed" ] || killed=' killed'
echo "$code$killed" >"$run/exit"
exit "$code"
