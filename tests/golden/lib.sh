# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2119,SC2120
# lib.sh - what the golden scripts use.  WORK is an empty folder, MAILMOTE the
# program; what is printed is compared with NAME.exp.
set -u

S=$WORK/submit
C=$WORK/conf
ln -s "$MAILMOTE" "$WORK/sendmail"
ln -s "$MAILMOTE" "$WORK/mailq"
ln -s "$MAILMOTE" "$WORK/newaliases"
ln -s "$MAILMOTE" "$WORK/mail"
printf 'domain d.example\nsocket %s\ncontrol %s\nspool %s\nlog stderr error\n' \
	"$S" "$WORK/control" "$WORK/none/spool" >"$C"
SINK=
NAME=Caller
export NAME

# sink [KEY=REPLY...]: a fresh sink; returns when it listens
sink() {
	[ -z "$SINK" ] || end_sink
	rm -rf "$S" "$WORK/got"
	mkdir "$WORK/got"
	[ -p "$WORK/ready" ] || mkfifo "$WORK/ready"
	/usr/bin/python3 tests/golden/lmtp_sink.py "$S" "$WORK/got" "$@" \
		>"$WORK/ready" &
	SINK=$!
	read -r _ <"$WORK/ready"
}

end_sink() {
	kill "$SINK"
	wait "$SINK" 2>/dev/null || :
	SINK=
	rm -f "$S"
}

# sendmail ARGUMENT...: with our configuration; says when it fails
sendmail() {
	"$WORK/sendmail" -C "$C" "$@"
	status=$?
	[ "$status" -eq 0 ] || echo "exit $status"
}

# mailmote ARGUMENT...: the same of the commands
mailmote() {
	"$MAILMOTE" -C "$C" "$@"
	status=$?
	[ "$status" -eq 0 ] || echo "exit $status"
}

# env_of [N]: the commands of a transaction
env_of() {
	cat "$WORK/got/${1:-1}.env"
}

# msg_of [N]: a message, each byte to be seen
msg_of() {
	sed -e 's/$/$/' "$WORK/got/${1:-1}.msg" | cat -v
}

# send INPUT ARGUMENT...: printf INPUT into sendmail, show what arrived
send() {
	rm -f "$WORK"/got/*
	input=$1
	shift
	sink
	# shellcheck disable=SC2059 # the input is meant as a format
	printf "$input" | sendmail "$@"
	if [ -e "$WORK/got/1.env" ]; then
		env_of
		[ ! -e "$WORK/got/1.msg" ] || msg_of
	fi
}

title() {
	echo "== $*"
}

trap '[ -z "$SINK" ] || end_sink' EXIT
