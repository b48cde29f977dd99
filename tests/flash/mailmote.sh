# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# mailmote for wear.sh.  In: MOTE the binary, RUN a folder on tmpfs, SPOOL the
# value of the key spool, HOP the next hop's port, MARKS how lazy marks get to
# the medium: "wait" for the 10 minutes, or "stop" the daemon.

mote()
{
	"$MOTE" -C "$RUN/conf" "$@"
}

relay_start()
{
	cat >"$RUN/conf" <<-EOF
		hostname device.test
		listen none
		socket $RUN/submit
		control $RUN/control
		spool $SPOOL
		user nobody
		smarthost smtp://127.0.0.1:$HOP tls=off
		splay 0s
		log stderr warning
	EOF
	"$MOTE" -C "$RUN/conf" daemon 2>>"$RUN/log" &
	RELAY=$!
	while mote status >/dev/null 2>&1; [ $? = 2 ]; do
		kill -0 "$RELAY" || { cat "$RUN/log"; exit 1; }
		sleep 0.1
	done
}

relay_stop()
{
	kill "$RELAY"
	wait "$RELAY" || { cat "$RUN/log"; exit 1; }
	RELAY=
}

# SESSIONS COUNT SIZE
relay_send()
{
	"$DRIVE" send "$RUN/submit" "$1" "$2" "$3"
}

relay_flush()
{
	mote flush --wait
}

relay_queue()
{
	mote queue --json | wc -l
}

relay_marks()
{
	case $MARKS in
	wait) sleep 610 ;;
	stop) # the daemon's counter begins anew, and its last sync is not seen
		SYNCS=$(relay_syncs)
		relay_stop
		relay_start
		;;
	esac
}

relay_syncs()
{
	echo $((${SYNCS:-0} + $(mote status --json |
		sed 's/.*"syncs":\([0-9]*\).*/\1/')))
}
