# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# The wear of one relay on one medium: runs the same on the build machine and
# in the guest.  In: DRIVE (drive.c), HOP, the functions of mailmote.sh or a
# peer's, count (bytes programmed so far), and the lengths in seconds:
#   SETTLE  after the last write until it is counted once more, and between
#   IDLE    of the idle stretch
#   APART   how many messages go out one by one, SETTLE apart
#
# Prints for each scene: WEAR SCENE MESSAGES SYNCS FROM AT-ONCE LATER; the last
# three are the counter before it, after it, and when the file system has had
# SETTLE seconds more.

hop_up()
{
	HOPPID=$("$DRIVE" sink "$HOP")
}

hop_down()
{
	[ -z "${HOPPID:-}" ] || kill "$HOPPID"
	HOPPID=
}

# Deliver all that is queued.
drain()
{
	hop_up
	relay_flush
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(relay_queue)" != 0 ] || return 0
		sleep 1
		relay_flush
	done
	echo "wear.sh: the queue does not drain" >&2
	exit 1
}

quit()
{
	hop_down
	[ -z "${RELAY:-}" ] || relay_stop
}

# SCENE MESSAGES COMMAND...
scene()
{
	name=$1 n=$2
	shift 2
	from=$(count) syncs=$(relay_syncs)
	"$@"
	once=$(count) syncs=$(($(relay_syncs) - syncs))
	sleep "$SETTLE"
	echo "WEAR $name $n $syncs $from $once $(count)"
}

# Queued while the next hop is down, and later delivered.
queued()
{
	what=$1 many=$2
	shift 2
	hop_down
	scene "$what" "$many" "$@"
	scene "$what-sent" "$many" drain
	scene "$what-mark" "$many" relay_marks
}

one_by_one()
{
	for _ in $(seq "$APART"); do
		relay_send 1 1 1024
		sleep "$SETTLE"
	done
}

# Each is delivered before the next one comes.
cycles()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		hop_down
		relay_send 1 1 1024
		drain
	done
}

wear_all()
{
	trap quit EXIT
	relay_start
	hop_up
	# What the new ring's file system still has to do is not ours.
	sleep $((3 * SETTLE))
	scene up 100 relay_send 1 100 1024
	hop_down
	scene cycles 10 cycles
	relay_marks
	sleep "$SETTLE"
	queued alert 1 relay_send 1 1 1024
	queued apart "$APART" one_by_one
	queued serial 100 relay_send 1 100 1024
	queued sessions 100 relay_send 16 100 1024
	queued big 20 relay_send 1 20 102400
	hop_down
	relay_send 1 50 1024
	sleep $((2 * SETTLE))
	scene retry 50 relay_flush
	scene idle 50 sleep "$IDLE"
	drain
	relay_stop
}
