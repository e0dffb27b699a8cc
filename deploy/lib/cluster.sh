# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034 # Who sources this sets them.
# The etcd members and nodes that deploy/cluster starts and stops. Sourced after node.sh; expects
# $home, the folder of the cluster's data, $shoald and the layout: $nodes, $members, $port,
# $link_port, $etcd_port, $flags.

etcd=/usr/bin/etcd
slots_total=256

# Time for a node to hand over its slots (leave-timeout) and to finish exchanges, and some.
stop_patience_s=40

# etcd1 runs etcd, n1 runs shoald; each has a folder of its own.
program_of() { case $1 in etcd*) printf '%s' "$etcd" ;; *) printf '%s' "$shoald" ;; esac; }

# Node.sh knows one node only, by $var and $program.
pid_of() { (var=$home/$1 program=$(program_of "$1") && running_pid); }

node_url() { printf 'http://127.0.0.1:%d' $((port + ${1#n} - 1)); }
member_url() { printf 'http://127.0.0.1:%d' $((etcd_port + 10 * (${1#etcd} - 1))); }
peer_url() { printf 'http://127.0.0.1:%d' $((etcd_port + 10 * (${1#etcd} - 1) + 1)); }
url_of() { case $1 in etcd*) member_url "$1" ;; *) node_url "$1" ;; esac; }

all_members() { local i; for ((i = 1; i <= members; i++)); do echo "etcd$i"; done; }
all_nodes() { local i; for ((i = 1; i <= nodes; i++)); do echo "n$i"; done; }

# join_words SEPARATOR WORD...
join_words() { local IFS=$1; shift; printf '%s' "$*"; }

all_member_urls() { local x; for x in $(all_members); do member_url "$x"; echo; done; }

save_layout() {
  {
    printf '%s=%d\n' nodes "$nodes" members "$members" port "$port" \
      link_port "$link_port" etcd_port "$etcd_port"
    printf 'flags=('
    [ ${#flags[@]} -eq 0 ] || printf ' %q' "${flags[@]}"
    printf ')\n'
  } >"$home/layout.new" && mv "$home/layout.new" "$home/layout"
}

# -- starting ---------------------------------------------------------------------------

# spawn NAME COMMAND... : starts it with its log and its pid file in its folder.
spawn() {
  local name=$1 pid
  shift
  echo "starting $name ..."
  mkdir -p "$home/$name"
  detached "$@" >>"$home/$name/log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$home/$name/shoald.pid"
}

spawn_member() {
  local name=$1 all=() x
  for x in $(all_members); do all+=("$x=$(peer_url "$x")"); done
  # Old revisions are of no use: a node that was away for an hour reads everything anew.
  spawn "$name" "$etcd" --name "$name" --data-dir "$home/$name/data" \
    --listen-client-urls "$(member_url "$name")" --advertise-client-urls "$(member_url "$name")" \
    --listen-peer-urls "$(peer_url "$name")" --initial-advertise-peer-urls "$(peer_url "$name")" \
    --initial-cluster "$(join_words , "${all[@]}")" --initial-cluster-token shoal-local \
    --auto-compaction-mode periodic --auto-compaction-retention 1h
}

spawn_node() {
  local name=$1 joined=() number=${1#n} x
  for x in $(all_member_urls); do joined+=(--join "$x"); done
  # Everybody who reaches a loopback address lives on this machine, and so do the peers.
  spawn "$name" "$shoald" --data-dir "$home/$name/data" --private-network true \
    --listen "127.0.0.1:$((port + number - 1))" --public-url "$(url_of "$name")" \
    "${joined[@]}" --node-id "$name" \
    --zone "zone$number" --link-listen "127.0.0.1:$((link_port + number - 1))" \
    --link-ca "$home/certs/ca.pem" --link-cert "$home/certs/$name.pem" \
    --link-key "$home/certs/$name.key" "${flags[@]}"
}

# await_health NAME... : a process that ends meanwhile is not waited for.
await_health() {
  local name pid
  for name in "$@"; do
    pid=$(cat "$home/$name/shoald.pid")
    if ! wait_for 60 healthy_or_gone "$(url_of "$name")" "$pid" || gone "$pid"; then
      tail -n 5 "$home/$name/log" >&2
      echo "deploy/cluster: $name did not become healthy (its log: $home/$name/log)" >&2
      return 1
    fi
  done
}

# start_missing KIND NAME... : KIND is member or node. Starts those that do not run.
start_missing() {
  local kind=$1 name
  shift
  for name in "$@"; do
    pid_of "$name" >/dev/null || "spawn_$kind" "$name"
  done
  await_health "$@" # Members of etcd become healthy only together.
}

# Certificates for the links: each node gets its own, and a new one a month before it expires.
ensure_certificates() {
  local name wanted=()
  for name in $(all_nodes); do
    openssl x509 -in "$home/certs/$name.pem" -noout -checkend $((30 * 86400)) >/dev/null 2>&1 \
      || wanted+=("$name")
  done
  [ ${#wanted[@]} -eq 0 ] || "$top/deploy/dev-certs" "$home/certs" "${wanted[@]}"
}

# -- who owns what ----------------------------------------------------------------------

# Prints "NODE INCARNATION" for each node that runs. Slots of an earlier life belong to nobody soon.
living_nodes() {
  local name
  for name in $(all_nodes); do
    pid_of "$name" >/dev/null || continue
    sed -n 's/.*cluster joins cluster=.*incarnation=\([0-9]*\).*/'"$name"' \1/p' "$home/$name/log" | tail -n 1
  done
}

# Prints "NODE OWNED STANDBY" for each node that runs and has slots.
slot_counts() {
  ETCDCTL_API=3 etcdctl --endpoints "$(all_member_urls | paste -s -d ,)" --command-timeout 5s \
    get shoal/slots/ --prefix 2>/dev/null \
    | awk 'NR == FNR { living[$0] = $1; next }
           FNR % 2 { role = $0; sub(".*/", "", role); next }
           $0 in living { count[living[$0], role]++ }
           END { for (x in living)
                   print living[x], count[living[x], "owner"] + 0, count[living[x], "standby"] + 0 }' \
      <(living_nodes) -
}

# Whether each slot has an owner and each node has slots.
slots_are_placed() {
  slot_counts | awk -v nodes="$nodes" -v slots=$slots_total \
    '$2 > 0 { owners++; owned += $2 } END { exit !(owners == nodes && owned == slots) }'
}

# -- stopping ---------------------------------------------------------------------------

# stop_all NAME... : SIGTERM to all of them at once, so that nobody hands slots to who leaves next.
stop_all() {
  local name pid running=()
  for name in "$@"; do
    if pid=$(pid_of "$name"); then
      kill -TERM "$pid" && running+=("$name:$pid")
    fi
  done
  for name in "${running[@]}"; do
    pid=${name#*:} name=${name%:*}
    if wait_for $stop_patience_s gone "$pid"; then
      echo "stopped $name"
    else
      echo "$name (pid $pid) did not stop within $stop_patience_s s; killing it" >&2
      kill -KILL "$pid"
      wait_for 5 gone "$pid"
    fi
    rm -f "$home/$name/shoald.pid"
  done
}

# -- status -----------------------------------------------------------------------------

# show_one NAME COUNTS : one line; fails if it does not run or is not healthy.
show_one() {
  local name=$1 pid state=healthy slots=''
  if ! pid=$(pid_of "$name"); then
    printf '%-6s %-10s %s\n' "$name" stopped "$(url_of "$name")"
    return 1
  fi
  healthy "$(url_of "$name")" || state='not healthy'
  case $name in
    n*) slots=$(awk -v n="$name" '$1 == n { o = $2; s = $3 }
                  END { printf "owner of %d slots, standby of %d", o, s }' <<<"$2") ;;
  esac
  printf '%-6s pid %-6s %-24s %-8s %s\n' "$name" "$pid" "$(url_of "$name")" "$state" "$slots"
  [ "$state" = healthy ]
}

show_status() {
  local name counts bad=0
  counts=$(slot_counts)
  for name in $(all_members) $(all_nodes); do show_one "$name" "$counts" || bad=1; done
  return $bad
}
