# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# nullmailer for wear.sh, in a mount namespace of its own: its package's files
# lie over the machine's.  In: ROOT the unpacked package, RUN a folder on tmpfs,
# PLACE the medium's, HOP, DRIVE.

relay_start()
{
	conf=$RUN/etc
	BOX=$PLACE/nullmailer
	mkdir -p "$conf" "$BOX/queue" "$BOX/tmp" "$BOX/failed"
	mkfifo -m 622 "$BOX/trigger"
	echo "127.0.0.1 smtp --port=$HOP" >"$conf/remotes"
	echo device.test >"$conf/defaultdomain"
	chown -R mail:mail "$BOX"
	for d in usr etc var; do
		mount -t overlay -o "lowerdir=$ROOT/$d:/$d" overlay "/$d"
	done
	mount --bind "$conf" /etc/nullmailer
	mount --bind "$BOX" /var/spool/nullmailer
	: >"$RUN/log"
	setpriv --reuid mail --regid mail --clear-groups nullmailer-send \
		>>"$RUN/log" 2>&1 &
	RELAY=$!
}

relay_stop()
{
	kill "$RELAY"
	RELAY=
}

# It has tried all it has.
quiet()
{
	until tail -n 1 "$RUN/log" | grep -q '^Delivery complete' ||
		[ "$(relay_queue)" = 0 ]; do
		sleep 0.1
	done
}

# SESSIONS COUNT SIZE
relay_send()
{
	"$DRIVE" body "$3" | tr -d '\r' >"$RUN/body"
	senders=
	for i in $(seq "$1"); do
		for _ in $(seq "$i" "$1" "$2"); do
			sendmail -f d@device.test a@example.org <"$RUN/body"
		done 2>/dev/null &
		senders="$senders $!"
	done
	# shellcheck disable=SC2086
	wait $senders
	sleep 0.5
	quiet
}

relay_flush()
{
	[ "$(relay_queue)" != 0 ] || return 0
	done=$(grep -c '^Delivery complete' "$RUN/log" || :)
	echo x >"$BOX/trigger"
	until [ "$(grep -c '^Delivery complete' "$RUN/log")" -gt "$done" ]; do
		sleep 0.1
	done
	quiet
}

relay_queue()
{
	find "$BOX/queue" -type f | wc -l
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
