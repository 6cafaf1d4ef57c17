# Sourced by the scripts beside it. Says things on stderr: stdout belongs to answers.
# shellcheck shell=bash

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # dockerd, sshd and iptables live there; a plain user's PATH lacks it
DEFAULT_ENGINE=unix:///var/run/docker.sock
ENGINE=${UPAAS_DOCKER_HOST:-$DEFAULT_ENGINE}

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
root_on_debian() { [ "$(id -u)" = 0 ] && have apt-get && grep -Eqs '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

# True when the engine answers. Asks the API, because a socket file alone outlives its daemon.
engine_answers() {
  local reply
  case $ENGINE in
    unix://*) reply=$(curl -s -m 3 --unix-socket "${ENGINE#unix://}" http://engine/_ping 2>/dev/null) ;;
    tcp://*) reply=$(curl -s -m 3 --noproxy '*' "http://${ENGINE#tcp://}/_ping" 2>/dev/null) ;;
    *) return 1 ;;
  esac
  [ "$reply" = OK ]
}

# agreed "Do this?" "Doing this.": asks a human. Where nobody can answer (CI, a pipe), or with ASSUME_YES=1,
# it says the second sentence and goes ahead.
agreed() {
  local answer
  if [ "${ASSUME_YES:-}" = 1 ] || ! [ -t 0 ] || ! [ -t 2 ]; then
    say "$2"
    return 0
  fi
  printf '%s [Y/n] ' "$1" >&2
  read -r answer || return 1
  case $answer in '' | [yY]*) return 0 ;; *) return 1 ;; esac
}

# One installer or starter at a time; held (on descriptor 9) until `unlock` or the end of the script.
lock() {
  exec 9>/run/upaas-setup.lock
  flock -w 900 9 || { say "Another setup has held /run/upaas-setup.lock for 15 minutes."; exit 1; }
}
unlock() { exec 9>&-; }

# quietly COMMAND...: its output is shown only when it fails. Descriptor 9 (the lock) is not passed on.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null 9>&- || status=$?
  [ $status -eq 0 ] || { say "Failed: $*"; tail -n 15 "$log" >&2; }
  rm -f "$log"
  return $status
}

apt() { DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -o DPkg::Lock::Timeout=600 "$@"; }

# A machine fresh from an image has no package lists at all.
apt_lists() {
  [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit 2>/dev/null)" ] || quietly apt update
}

POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# put here by upaas scripts/lib.sh for the length of one apt-get'
policy_remove() { if grep -qsF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi; }

# apt_install PACKAGE...: adds, never removes. Debian starts services it installs; policy-rc.d (its own
# way to say no) stops that, because tests need sshd's program and not an open port 22.
apt_install() {
  local status=0 install=(apt install -y --no-install-recommends --no-remove "$@")
  if [ ! -e "$POLICY" ]; then
    trap policy_remove EXIT
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
    chmod 755 "$POLICY"
  fi
  # Lists that are merely old name files which the mirror has replaced: refresh them and try once more.
  apt_lists && { "${install[@]}" >/dev/null 2>&1 </dev/null 9>&- || { quietly apt update && quietly "${install[@]}"; }; } || status=$?
  policy_remove
  return $status
}
