# SPDX-License-Identifier: Apache-2.0
# The one node that deploy/up starts and deploy/down stops. Sourced, not run; expects $var, the
# folder of its data, and $program, the path of shoald.

pid_file() { printf '%s/shoald.pid' "$var"; }

# Prints the process id of our running node; fails if there is none. A pid file that outlived its
# process (or whose number now belongs to somebody else) counts for nothing.
running_pid() {
  local pid exe
  pid=$(cat "$(pid_file)" 2>/dev/null) || return 1
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
  # The kernel says so if a newer build has replaced the file meanwhile.
  [ "${exe% (deleted)}" = "$(readlink -f "$program")" ] || return 1
  printf '%s' "$pid"
}

# detached COMMAND... : becomes the command, in a session of its own and with nothing open but the
# three standard streams: a lock or a pipe of whoever called us must not live as long as the node.
detached() {
  local fd
  for fd in "/proc/$BASHPID/fd/"*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-"
  done
  exec setsid "$@"
}

# wait_for SECONDS COMMAND... : polls until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

healthy() { curl -fsS -o /dev/null --max-time 2 "$1/health" 2>/dev/null; }

healthy_or_gone() { healthy "$1" || gone "$2"; }
