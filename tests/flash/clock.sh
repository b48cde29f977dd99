# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# The guest's script of test_clock.py: a daemon that holds its mail for the
# clock, and somebody who sets it, first to nonsense.  Nothing listens at the
# smart host: that it is tried at all is what is looked for.
set -eu

step()
{
	echo "STEP $1"
	sleep 1
	./mailmote -C conf status || :
}

ifconfig lo 127.0.0.1 up
mkdir -p /etc
echo 'nobody:x:65534:65534::/:/bin/false' >/etc/passwd
echo 'nobody:x:65534:' >/etc/group
date -s @100
cat >conf <<-X
	smarthost submissions://hub.localhost:4650 ca=/etc/passwd
	hostname device.test
	domain device.test
	listen none
	socket /tmp/run/submit
	control /tmp/run/control
	spool /tmp/lib/spool size=1M
	splay 0s
	retry 1h 2h
	user nobody
	log stderr debug
X
ln -s mailmote sendmail
./mailmote -C conf daemon &
while [ ! -S /tmp/run/submit ]; do sleep 1; done
printf 'Subject: x\n\nhello\n' | ./sendmail -C conf -f a@device.test b@x.test
step 1970
date -s @1000000000
step 2001
date -s @1798761600
step 2027
kill %1
wait
