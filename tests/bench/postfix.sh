# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# Postfix for wear.sh.  In: CONF a folder made by postfixes.py, its queue on the
# medium (PLACE) and its log on tmpfs (RUN); PORT where it listens; DRIVE.

relay_start()
{
	postfix -c "$CONF" start >/dev/null 2>&1
	RELAY=$CONF
	until "$DRIVE" send "$PORT" 1 0 0 2>/dev/null; do
		sleep 0.1
	done
}

relay_stop()
{
	postfix -c "$CONF" stop >/dev/null 2>&1
	RELAY=
}

tried()
{
	grep -c ' status=' "$RUN/log" || :
}

# So many more messages have been tried.
await()
{
	until [ "$(tried)" -ge "$1" ] && ! find "$PLACE/queue/incoming" \
		"$PLACE/queue/active" -type f | grep -q .; do
		sleep 0.1
	done
}

# SESSIONS COUNT SIZE
relay_send()
{
	before=$(tried)
	"$DRIVE" send "$PORT" "$1" "$2" "$3"
	await $((before + $2))
}

relay_flush()
{
	before=$(tried) waiting=$(relay_queue)
	postqueue -c "$CONF" -f
	await $((before + waiting))
}

relay_queue()
{
	find "$PLACE/queue/incoming" "$PLACE/queue/active" \
		"$PLACE/queue/deferred" -type f | wc -l
}

# It has no marks and counts no syncs.
relay_marks()
{
	:
}

relay_syncs()
{
	echo 0
}
