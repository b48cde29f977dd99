#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs in the guest of tests/flash/cuts; ./cuts.conf says FS MEDIUM ADDR SIZE.
# Prints READY when all is loaded and nothing is mounted, then takes one order
# from the console:
#   work SEED FIRST EPOCH COMMIT   until the power is cut
#   drain SEED EPOCH               until the queue is empty
#   loop SEED FIRST COUNT MOST     COUNT cuts, each by the flash itself in one
#                                  of the next MOST programs or erases
# and prints RUN when the daemon is about to start, END when the order is done.
# shellcheck source=/dev/null
. ./cuts.conf

spool=/mnt/spool
case $FS in
device) spool=/dev/vda ;;
esac
case $MEDIUM in
nand) sim="page=2048 block=131072" ;;
nor) sim="page=1 block=65536" ;;
esac

load() {
	case $FS in
	ubifs) modprobe ubi && modprobe ubifs ;;
	jffs2) modprobe mtdblock && modprobe jffs2 ;;
	ext4 | f2fs) modprobe "$FS" ;;
	esac
	case $MEDIUM in
	nand | nor)
		modprobe mtd
		# shellcheck disable=SC2086
		insmod ./flashsim.ko addr="$ADDR" size="$SIZE" tear=2 $sim
		;;
	esac
	ifconfig lo 127.0.0.1 up
	mkdir -p /run /var/lib/mailmote
	echo "root:x:0:0::/:/bin/sh
mail:x:8:8::/:/bin/sh" >/etc/passwd
	echo "root:x:0:
mail:x:8:" >/etc/group
}

mount_spool() {
	case $FS in
	ubifs) ./cuts_guest attach && mount -t ubifs -o noatime ubi0:spool /mnt ;;
	jffs2) mount -t jffs2 -o noatime /dev/mtdblock0 /mnt ;;
	ext4 | f2fs) mount -t "$FS" -o noatime /dev/vda /mnt ;;
	device) ;;
	esac
}

# A tmpfs is empty after a cut, and so are the marks.
prepare() {
	umount /run 2>/dev/null
	mount -t tmpfs -o size=1m none /run
	mkdir /run/mailmote
	chown 8:8 /run/mailmote /var/lib/mailmote
	cat >/tmp/conf <<-CONF
		hostname relay.cuts.test
		domain cuts.test
		smarthost smtp://127.0.0.1:2526 tls=off
		listen 127.0.0.1:2525
		socket /run/mailmote/submit
		control /run/mailmote/control
		spool $spool size=512K
		state /var/lib/mailmote
		commit-after $1
		retry 1s 2s
		splay 0s
		user mail
		log stderr info
	CONF
}

clock() {
	date -s "@$1" >/dev/null
}

work() {
	mount_spool || return 1
	prepare "$4"
	clock "$3"
	echo RUN
	exec ./cuts_guest work "$1" "$2" 2>/tmp/log
}

drain() {
	mount_spool || return 1
	prepare 4s
	clock "$2"
	echo RUN
	./cuts_guest drain "$1" 2>/tmp/log &
	until [ -S /run/mailmote/control ]; do usleep 20000; done
	i=0
	while [ $i -lt 60 ]; do
		./mailmote -C /tmp/conf flush --wait >/tmp/flush 2>&1
		./mailmote -C /tmp/conf queue >/tmp/queue 2>&1
		if grep -q '^Mail queue is empty' /tmp/queue; then
			echo EMPTY
			return 0
		fi
		i=$((i + 1))
		sleep 1
	done
	cat /tmp/flush /tmp/queue
	tail -n 20 /tmp/log
	return 1
}

number() {
	echo $(($(od -An -N3 -tu4 /dev/urandom) % $1 + 1))
}

life() {
	next=$(./cuts_guest work "$1" "$next" "$P/dead" "$2" 2>/tmp/log)
}

# A first life without a cut makes the spool: that takes more operations than
# any life has.  Every fourth cut may fall into the mount or the recovery.
loop() {
	P=/sys/module/flashsim/parameters
	next=$2
	n=0
	mount_spool || return 1
	prepare 0s
	life "$1" 2000
	umount /mnt
	[ "$FS" != ubifs ] || ./cuts_guest detach
	echo RUN
	while [ $n -lt "$3" ]; do
		early=$(number 4)
		[ "$early" != 1 ] || number "$4" >$P/cut
		if mount_spool; then
			prepare "$(number 2)s"
			[ "$early" = 1 ] || number "$4" >$P/cut
			life "$1$n" 20000
		elif [ "$(cat $P/dead)" != Y ]; then
			dmesg | tail -5
			return 1
		fi
		[ "$(cat $P/dead)" = Y ] && n=$((n + 1))
		umount /mnt 2>/dev/null
		[ "$FS" != ubifs ] || ./cuts_guest detach 2>/dev/null
		echo 0 >$P/cut
	done
	echo "NEXT $next breaches $(cat $P/breaches)"
}

load || exit 1
mount -o remount,size=64m /tmp
stty -echo 2>/dev/null
echo READY
read -r order a b c d
$order "$a" "$b" "$c" "$d" || {
	tail -n 20 /tmp/log 2>/dev/null
	echo FAILED
}
echo END
